//! The reason of a failed handshake, in words for the person who configured the name server.

use std::io;
use std::sync::Arc;

use rustls::{CertificateError, Error, OtherError};

use super::verify::WrongPin;
use crate::connect::drive::ERROR_WORDS;
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::tls::words;

/// The error of a lookup that could not or may not connect to a name server:
/// [`LookupErrorKind::Untrusted`] for a certificate, [`LookupErrorKind::NoNameServer`] for
/// everything else.
pub(in crate::dns::link) fn why(error: &Arc<io::Error>) -> LookupError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let (kind, cause) = match tls {
        Some(Error::InvalidCertificate(why)) => (LookupErrorKind::Untrusted, certificate(why)),
        Some(error) => (LookupErrorKind::NoNameServer, words::handshake(error)),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            (LookupErrorKind::NoNameServer, words::CLOSED.to_owned())
        }
        None => (LookupErrorKind::NoNameServer, ERROR_WORDS.of(error).to_string()),
    };
    LookupError::from(kind).with_worded_cause(cause, error.clone())
}

#[allow(clippy::wildcard_enum_match_arm, reason = "a pin is the only one of ours")]
fn certificate(error: &CertificateError) -> String {
    let pin = match error {
        CertificateError::Other(OtherError(other)) => other.downcast_ref::<WrongPin>(),
        _ => None,
    };
    pin.map_or_else(|| words::certificate(error), WrongPin::to_string)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use rustls::{AlertDescription, InvalidMessage};

    use super::*;

    #[track_caller]
    fn tells(error: impl Into<io::Error>, text: &str) {
        assert_eq!(why(&Arc::new(error.into())).to_string(), text);
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
        let reported =
            "no name server: no TLS: received corrupt message of type InvalidContentType";
        tells(tls(garbage), reported);
        let alert = Error::AlertReceived(AlertDescription::HandshakeFailure);
        let reported = "no name server: the server ended the TLS handshake: HandshakeFailure";
        tells(tls(alert), reported);
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
}
