//! Names of container images: which can be deployed, and which of them are functions that are known here.
//!
//! The grammar is that of go-containerregistry's weak validation, which faas-netes uses. Nothing is ever pulled or looked up.

use std::net::{IpAddr, Ipv4Addr};

use crate::drive::Handler;

const TAG_MAX: usize = 128;
const REPOSITORY_MAX: usize = 255;
const REPOSITORY_MIN: usize = 2;
/// Hexadecimal digits of a SHA-256.
const DIGEST_LENGTH: usize = 64;

/// An image's name, taken apart; tag and digest are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Image<'a> {
    /// Host and port; empty for Docker Hub.
    registry: &'a str,
    repository: &'a str,
}

impl<'a> Image<'a> {
    /// Reads `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`.
    ///
    /// # Errors
    /// faas-netes' words for a name that is none.
    pub(super) fn parse(name: &'a str) -> Result<Self, String> {
        let tagged = || Self::repository(without_tag(name)?);
        let digested = || {
            let (base, digest) = name.split_once('@')?;
            let hex = digest.strip_prefix("sha256:")?;
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            (hex.len() == DIGEST_LENGTH && hex.bytes().all(is_hex)).then_some(())?;
            Self::repository(without_tag(base)?)
        };
        tagged()
            .or_else(digested)
            .ok_or_else(|| format!("unable to parse image reference: could not parse reference: {name}"))
    }

    fn repository(name: &'a str) -> Option<Self> {
        let registry = name.split_once('/').filter(|(first, _)| first.contains(['.', ':']));
        let (registry, repository) = registry.unwrap_or(("", name));
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        let fits = (REPOSITORY_MIN..=REPOSITORY_MAX).contains(&repository.len()) && repository.bytes().all(allowed);
        let host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']');
        (fits && registry.bytes().all(host)).then_some(Self { registry, repository })
    }

    /// Whether anyone could pull it: false for a registry that only this machine or this network has.
    ///
    /// The real provider asks the registry; here its address has to do.
    pub(super) fn is_public(self) -> bool {
        let host = match self.registry.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.registry.split(':').next().unwrap_or_default(),
        };
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => !is_local(address),
            Ok(IpAddr::V6(address)) => !(address.is_loopback() || address.is_unique_local()),
            Err(_) => {
                let last = host.rsplit('.').next().unwrap_or_default();
                !matches!(last, "localhost" | "local" | "internal" | "cluster")
            }
        }
    }

    /// What its functions answer: known by the last part of the name, as `functions/stack.yml` builds them.
    pub(super) fn handler(self) -> Handler {
        match self.repository.rsplit('/').next() {
            Some("ftest") => Handler::Ftest,
            Some("sleepy") => Handler::Sleepy,
            _ => Handler::Plain,
        }
    }
}

fn is_local(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_private() || address.is_link_local() || address.is_unspecified()
}

/// The name without its tag; `None` if that is no tag. A colon before a slash parts a host from its port.
fn without_tag(name: &str) -> Option<&str> {
    let Some((base, tag)) = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) else { return Some(name) };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (tag.len() <= TAG_MAX && tag.bytes().all(allowed)).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_the_last_part_of_its_name() {
        let digest = format!("ghcr.io/team/sleepy:2@sha256:{}", "a1".repeat(32));
        for (name, handler) in [
            ("ftest", Handler::Ftest),
            ("docker.io/library/ftest:latest", Handler::Ftest),
            ("registry.example.org:5000/team/sleepy:1.2", Handler::Sleepy),
            (&digest, Handler::Sleepy),
            ("ghcr.io/openfaas/figlet:latest", Handler::Plain),
            ("ftest/other", Handler::Plain),
            ("my-ftest", Handler::Plain),
        ] {
            assert_eq!(Image::parse(name).map(Image::handler), Ok(handler), "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_in_the_providers_words() {
        let long = "x".repeat(256);
        for name in ["x", "UPPER/case", "a b", "ftest:ta g", "ftest@sha256:12", "ftest@md5:1", "", &long] {
            let expected = format!("unable to parse image reference: could not parse reference: {name}");
            assert_eq!(Image::parse(name), Err(expected));
        }
    }

    #[test]
    fn a_registry_of_this_machine_or_network_is_not_public() {
        for (name, public) in [
            ("ftest", true),
            ("ghcr.io/openfaas/env", true),
            ("8.8.8.8:5000/ftest", true),
            ("localhost:5000/ftest", false),
            ("127.0.0.1:5000/ftest", false),
            ("[::1]:5000/ftest", false),
            ("192.168.1.4:5000/ftest", false),
            ("registry.local/ftest", false),
            ("registry.kube.svc.cluster.local:5000/ftest", false),
        ] {
            assert_eq!(Image::parse(name).unwrap().is_public(), public, "{name}");
        }
    }
}
