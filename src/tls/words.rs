//! Words for a failed handshake, for the person who configured one of its ends. rustls's own are
//! for TLS programmers.

use std::io;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, Error, OtherError};

/// Text for a close during the handshake.
pub(crate) const CLOSED: &str = "closed during the TLS handshake";

/// The wording for a dial that failed in TLS; `None` for any other error.
pub(crate) fn of_dial(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let certificate = if let Error::InvalidCertificate(why) = error { Some(why) } else { None };
    Some(certificate.map_or_else(|| handshake(error), bad_certificate))
}

fn bad_certificate(error: &CertificateError) -> String {
    format!("bad certificate: {}", known(error).unwrap_or_else(|| unknown(error)))
}

/// The reason why a certificate was refused, where the text before it says that one was.
#[cfg(feature = "dns-over-tls")]
pub(crate) fn certificate(error: &CertificateError) -> String {
    known(error).unwrap_or_else(|| bad_certificate(error))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "rustls has more, and words for them")]
pub(crate) fn handshake(error: &Error) -> String {
    match error {
        Error::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        Error::InvalidMessage(_) => format!("no TLS: {error}"),
        error => format!("TLS: {error}"),
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "rustls has more, and words for them")]
fn known(error: &CertificateError) -> Option<String> {
    Some(match error {
        CertificateError::NotValidForNameContext { expected, presented } => {
            wrong_name(expected, presented)
        }
        CertificateError::ExpiredContext { time, not_after } => {
            format!("expired: {} ago by the clock of this host", span(*not_after, *time))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("not valid yet: in {} by the clock of this host", span(*time, *not_before))
        }
        CertificateError::UnknownIssuer => "unknown issuer: no trusted root leads to it".to_owned(),
        CertificateError::BadSignature => {
            "bad signature: by another key than the certificate's".to_owned()
        }
        CertificateError::InvalidPurposeContext { .. } => WRONG_PURPOSE.to_owned(),
        CertificateError::Revoked => "revoked".to_owned(),
        CertificateError::Other(OtherError(other)) => in_words(&other.to_string())?.to_owned(),
        _ => return None,
    })
}

#[allow(clippy::wildcard_enum_match_arm, reason = "rustls has words for the others")]
fn unknown(error: &CertificateError) -> String {
    match error {
        CertificateError::Other(OtherError(other)) => other.to_string(),
        error => error.to_string(),
    }
}

const WRONG_PURPOSE: &str = "wrong purpose: not the certificate of a server";

/// At most this many names of a certificate are shown.
const SHOWN: usize = 4;

/// rustls gives the names as `DnsName("a.test")` and `IpAddress(192.0.2.1)`; other forms name no
/// host.
fn wrong_name(expected: &ServerName<'_>, presented: &[String]) -> String {
    let expected = expected.to_str();
    let bare = |name: &String| {
        let name = name.strip_prefix("DnsName(").or_else(|| name.strip_prefix("IpAddress("))?;
        Some(name.strip_suffix(')')?.trim_matches('"').to_owned())
    };
    let mut names: Vec<String> = presented.iter().filter_map(bare).collect();
    if names.is_empty() {
        return format!("wrong name: no subjectAltName names a host, so it is not for {expected}");
    }
    if names.len() > SHOWN {
        let more = names.split_off(SHOWN).len();
        names.push(format!("{more} more"));
    }
    format!("wrong name: the certificate is for {}, not {expected}", names.join(", "))
}

fn span(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    let units = [(24 * 60 * 60, "days"), (60 * 60, "hours"), (60, "minutes")];
    match units.into_iter().find(|(unit, _)| seconds >= 2 * unit) {
        Some((unit, name)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} seconds"),
    }
}

/// The words for errors of webpki that a certificate made by hand runs into. rustls has none.
fn in_words(error: &str) -> Option<&'static str> {
    match error {
        "CaUsedAsEndEntity" => {
            Some("self-signed, or of an authority: not the certificate of a server")
        }
        // The text of the platform verifier.
        "certificate had invalid extensions" => Some(WRONG_PURPOSE),
        "UnsupportedCertVersion" => Some("not an X.509 certificate of version 3"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use rustls::AlertDescription;

    use super::*;

    fn tls(error: impl Into<Error>) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, error.into())
    }

    #[test]
    fn a_dial_says_that_it_was_the_certificate() {
        for (error, text) in [
            (tls(CertificateError::Revoked), "bad certificate: revoked"),
            (tls(CertificateError::BadEncoding), "bad certificate: BadEncoding"),
            (
                tls(Error::AlertReceived(AlertDescription::HandshakeFailure)),
                "the server ended the TLS handshake: HandshakeFailure",
            ),
        ] {
            assert_eq!(of_dial(&error).as_deref(), Some(text));
        }
        assert_eq!(of_dial(&ErrorKind::ConnectionReset.into()), None);
        assert_eq!(of_dial(&io::Error::other("TLS?")), None);
    }

    #[test]
    fn spans_of_time_have_the_unit_that_fits() {
        let span = |seconds: u64| {
            let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
            span(at(1_000), at(1_000 + seconds))
        };
        let spans = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(span);
        let expected = [
            "0 seconds",
            "119 seconds",
            "2 minutes",
            "119 minutes",
            "2 hours",
            "47 hours",
            "2 days",
        ];
        assert_eq!(spans, expected);
    }
}
