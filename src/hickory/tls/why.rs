//! Why a handshake failed, in words for whoever configured the name server.

use std::io;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, Error, OtherError};

use super::verify::WrongPin;
use crate::answer::{LookupError, LookupErrorKind};
use crate::report::Cause;

/// The error of a lookup that could not connect to a name server, or was not to:
/// [`LookupErrorKind::Untrusted`] is about the certificate, [`LookupErrorKind::NoNameServer`] all else.
pub(in crate::hickory) fn why(error: &io::Error) -> LookupError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let (kind, cause) = match tls {
        Some(Error::InvalidCertificate(why)) => (LookupErrorKind::Untrusted, certificate(why)),
        Some(error) => (LookupErrorKind::NoNameServer, handshake(error)),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            (LookupErrorKind::NoNameServer, "closed during the TLS handshake".to_owned())
        }
        None => (LookupErrorKind::NoNameServer, Cause(error).to_string()),
    };
    LookupError::from(kind).with_cause(cause)
}

#[allow(clippy::wildcard_enum_match_arm, reason = "rustls has more, and words for them")]
fn handshake(error: &Error) -> String {
    match error {
        Error::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        Error::InvalidMessage(_) => format!("no TLS: {error}"),
        error => format!("TLS: {error}"),
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "rustls has more, and words for them")]
fn certificate(error: &CertificateError) -> String {
    match error {
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
        CertificateError::Other(OtherError(other)) => match other.downcast_ref::<WrongPin>() {
            Some(wrong) => wrong.to_string(),
            None => in_words(&other.to_string()),
        },
        error => format!("bad certificate: {error}"),
    }
}

const WRONG_PURPOSE: &str = "wrong purpose: not the certificate of a server";

/// Names that are shown of a certificate.
const SHOWN: usize = 4;

/// rustls gives the names as `DnsName("a.test")` and `IpAddress(192.0.2.1)`; others name no host.
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

/// Those of webpki's errors that a certificate made by hand runs into; rustls has no words for them.
fn in_words(error: &str) -> String {
    match error {
        "CaUsedAsEndEntity" => "self-signed, or of an authority: not the certificate of a server",
        // As the verifier of the platform has it.
        "certificate had invalid extensions" => WRONG_PURPOSE,
        "UnsupportedCertVersion" => "not an X.509 certificate of version 3",
        _ => return format!("bad certificate: {error}"),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::Arc;

    use rustls::{AlertDescription, InvalidMessage};

    use super::*;

    #[track_caller]
    fn tells(error: impl Into<io::Error>, text: &str) {
        assert_eq!(why(&error.into()).to_string(), text);
    }

    fn tls(error: impl Into<Error>) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, error.into())
    }

    #[test]
    fn a_handshake_that_does_not_come_about_says_how_it_ended() {
        tells(ErrorKind::ConnectionRefused, "no name server: connection refused");
        tells(io::Error::from_raw_os_error(libc::ECONNRESET), "no name server: connection reset");
        let eof = io::Error::new(ErrorKind::UnexpectedEof, "tls handshake eof");
        tells(eof, "no name server: closed during the TLS handshake");
        let garbage = Error::InvalidMessage(InvalidMessage::InvalidContentType);
        let told = "no name server: no TLS: received corrupt message of type InvalidContentType";
        tells(tls(garbage), told);
        let alert = Error::AlertReceived(AlertDescription::HandshakeFailure);
        let told = "no name server: the server ended the TLS handshake: HandshakeFailure";
        tells(tls(alert), told);
        let other = "no name server: TLS: peer sent no certificates";
        tells(tls(Error::NoCertificatesPresented), other);
    }

    #[test]
    fn a_certificate_that_is_refused_says_so_in_words() {
        let with =
            |text: &str| tls(CertificateError::Other(OtherError(Arc::from(Box::from(text)))));
        for (error, text) in [
            (tls(CertificateError::Revoked), "revoked"),
            (
                with("CaUsedAsEndEntity"),
                "self-signed, or of an authority: not the certificate of a server",
            ),
            (with("UnsupportedCertVersion"), "not an X.509 certificate of version 3"),
            (with("NameConstraintViolation"), "bad certificate: NameConstraintViolation"),
            (tls(CertificateError::BadEncoding), "bad certificate: BadEncoding"),
        ] {
            tells(error, &format!("name server not authenticated: {text}"));
        }
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
