//! How a load source's client behaves on the way to the server, apart from what it sends. No socket here.

/// Proxy, protocol, certificates, redirects, compression. The defaults are hey's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPlan {
    /// Address of a proxy, with credentials where it wants some: `http://user:password@proxy:3128`, or `https://` or
    /// `socks5://`. `None` for the straight way; the environment's proxies are never used.
    pub proxy: Option<String>,
    /// Whether HTTP/2 is offered on `https://` addresses (by ALPN). Where the server declines it, and on `http://`, HTTP/1.1 is
    /// spoken.
    pub http2: bool,
    /// Whose certificates are good.
    pub trust: Trust,
    /// Whether redirects are followed, ten requests in a chain at most. The chain is one request with one result.
    pub redirects: bool,
    /// Whether the client itself asked for gzip, so that the size of a gzip answer is unknown, as in Go, which unpacks it. (If
    /// the user asked for it by a header of their own, the size is what the answer says.)
    pub unpack: bool,
}

impl Default for ClientPlan {
    /// hey's without flags.
    fn default() -> Self {
        Self { proxy: None, http2: false, trust: Trust::Anything, redirects: true, unpack: true }
    }
}

/// Whose certificates are good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Any, also self-signed, expired or another host's ones: a load generator measures, and hey verifies nothing either.
    #[default]
    Anything,
    /// Those that this machine's own certificate store vouches for.
    System,
    /// Those that these authorities vouch for (certificates in PEM).
    Authorities(Vec<u8>),
}
