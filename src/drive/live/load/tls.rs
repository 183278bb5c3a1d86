//! TLS as a client: rustls with the aws-lc-rs provider, and nobody's certificate doubted unless that is asked for.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{Resumption, WantsClientCert};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    AlertDescription, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::drive::Trust;
use crate::record::ErrorKind;

use super::failure::{Fault, system};
use super::request::RequestError;
use super::stream::Stream;

/// What the server may choose from when HTTP/2 is offered.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// TLS for all connections of a generator, made when it is first needed.
#[derive(Debug)]
pub(super) struct Tls {
    http2: bool,
    /// With HTTP/2 offered, if it is.
    to_servers: OnceLock<Arc<ClientConfig>>,
    to_proxies: OnceLock<Arc<ClientConfig>>,
    trust: Trust,
}

impl Tls {
    /// TLS that trusts so.
    ///
    /// # Errors
    /// When the authorities can't be read.
    pub(super) fn new(trust: &Trust, http2: bool) -> Result<Self, RequestError> {
        let tls = Self { http2, to_servers: OnceLock::new(), to_proxies: OnceLock::new(), trust: trust.clone() };
        if *trust != Trust::Anything {
            // what may fail has to fail before anything starts
            tls.config(true)?;
            tls.config(false)?;
        }
        Ok(tls)
    }

    fn config(&self, to_server: bool) -> Result<Arc<ClientConfig>, RequestError> {
        let slot = if to_server { &self.to_servers } else { &self.to_proxies };
        if let Some(config) = slot.get() {
            return Ok(Arc::clone(config));
        }
        let config = config(&self.trust, to_server && self.http2)?;
        Ok(Arc::clone(slot.get_or_init(|| Arc::new(config))))
    }

    /// The handshake with the server of this name at the other end of `stream`, or with a proxy.
    pub(super) async fn shake_hands(&self, stream: Stream, name: &str, to_server: bool) -> Result<Stream, Fault> {
        let config = self.config(to_server).map_err(|error| Fault::new(ErrorKind::Tls, error.to_string()))?;
        let bare = name.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let name = match ServerName::try_from(bare.to_owned()) {
            Ok(name) => name,
            // a name that can't be asked for is not asked for, as Go does it; it could not be vouched for either
            Err(_) if self.trust == Trust::Anything => ServerName::from(std::net::IpAddr::from([0; 4])),
            Err(_) => return Err(Fault::new(ErrorKind::Tls, format!("tls: {bare:?} can't be in a certificate"))),
        };
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|error| fault(&error))?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

/// A handshake that failed, in Go's words where it has some.
fn fault(error: &io::Error) -> Fault {
    let why = match error.get_ref().and_then(|source| source.downcast_ref::<Error>()) {
        Some(Error::InvalidMessage(_)) => "tls: first record does not look like a TLS handshake".to_owned(),
        Some(Error::AlertReceived(alert)) => format!("remote error: tls: {}", alert_text(*alert)),
        Some(Error::InvalidCertificate(reason)) => format!("x509: {reason}"),
        Some(other) => format!("tls: {other}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "tls: EOF inside the handshake".to_owned(),
        None => format!("tls: {} inside the handshake", system(error)),
    };
    Fault::new(ErrorKind::Tls, why)
}

fn alert_text(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::HandshakeFailure => "handshake failure".to_owned(),
        AlertDescription::ProtocolVersion => "protocol version not supported".to_owned(),
        AlertDescription::UnrecognisedName => "unrecognized name".to_owned(),
        AlertDescription::InternalError => "internal error".to_owned(),
        AlertDescription::CertificateRequired => "certificate required".to_owned(),
        other => format!("{other:?}"),
    }
}

/// TLS for single exchanges over HTTP/1.1, by who else speaks to servers.
///
/// # Errors
/// When the authorities can't be read.
pub(in crate::drive::live) fn client_config(trust: &Trust) -> Result<Arc<ClientConfig>, RequestError> {
    config(trust, false).map(Arc::new)
}

type Builder = ConfigBuilder<ClientConfig, WantsClientCert>;

fn config(trust: &Trust, http2: bool) -> Result<ClientConfig, RequestError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = match trust {
        Trust::Anything => trusting_anything(provider)?,
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            trusting(provider, found.certs, || "this machine's own store holds none that can be read".to_owned())?
        }
        Trust::Authorities(pem) => {
            let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            let certificates = certificates.map_err(|error| RequestError::Authorities(error.to_string()))?;
            trusting(provider, certificates, || "the PEM text holds none".to_owned())?
        }
    };
    let mut config = builder.with_no_client_auth();
    // Go keeps no sessions unless told to: every dial is a whole handshake
    config.resumption = Resumption::disabled();
    if http2 {
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    }
    Ok(config)
}

fn versions(
    provider: Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, tokio_rustls::rustls::WantsVerifier>, RequestError> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.map_err(|error| RequestError::Authorities(error.to_string()))
}

fn trusting_anything(provider: Arc<CryptoProvider>) -> Result<Builder, RequestError> {
    let verifier = Arc::new(Undoubting { algorithms: provider.signature_verification_algorithms });
    Ok(versions(provider)?.dangerous().with_custom_certificate_verifier(verifier))
}

fn trusting(
    provider: Arc<CryptoProvider>,
    certificates: Vec<CertificateDer<'static>>,
    none: impl FnOnce() -> String,
) -> Result<Builder, RequestError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(RequestError::Authorities(none()));
    }
    Ok(versions(provider)?.with_root_certificates(roots))
}

/// Takes every certificate for good; whoever shows it must still hold its key.
#[derive(Debug)]
struct Undoubting {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Undoubting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
