//! Which address means what (faas `gateway/main.go`, in the order of its router).

use hyper::Method;

use super::super::metrics::provider::STATUS;

/// What an address stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Invoke { name: &'a str },
    Queue { name: &'a str },
    List,
    Deploy,
    Update,
    Delete,
    Status { name: &'a str },
    Scale { name: &'a str },
    Alert,
    Info,
    Namespaces,
    Namespace,
    Secrets,
    Logs,
    Health,
    Root,
    Ui,
    WrongMethod,
    Unknown,
}

impl Route<'_> {
    /// Whether anyone may ask, without the password.
    pub(super) fn is_open(self) -> bool {
        matches!(
            self,
            Self::Invoke { .. } | Self::Queue { .. } | Self::Health | Self::Root | Self::WrongMethod | Self::Unknown
        )
    }
}

impl Route<'_> {
    /// Under which name the provider counts what the gateway passes on to it as it is; `None` for what it does not, or not
    /// always. `path` is the request's.
    pub(super) fn provider_path(self, path: &str) -> Option<&str> {
        match self {
            Self::List | Self::Deploy | Self::Update | Self::Delete => Some("/system/functions"),
            Self::Status { .. } => Some(STATUS),
            Self::Info => Some("/system/info"),
            Self::Namespaces => Some("/system/namespaces"),
            Self::Namespace => Some(path),
            Self::Secrets => Some("/system/secrets"),
            _ => None,
        }
    }
}

/// What a clean path stands for. A wrong method on a known address is told before any password is asked for.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let only = |allowed: &Method, route| if method == allowed { route } else { Route::WrongMethod };
    match parts.as_slice() {
        [""] => only(&Method::GET, Route::Root),
        ["ui", _, ..] => only(&Method::GET, Route::Ui),
        ["healthz"] => only(&Method::GET, Route::Health),
        ["function", name, ..] if is_segment(name) => Route::Invoke { name },
        ["async-function", name, ..] if is_segment(name) => only(&Method::POST, Route::Queue { name }),
        ["system", "functions"] => match *method {
            Method::GET => Route::List,
            Method::POST => Route::Deploy,
            Method::PUT => Route::Update,
            Method::DELETE => Route::Delete,
            _ => Route::WrongMethod,
        },
        ["system", "function", name] if is_segment(name) => only(&Method::GET, Route::Status { name }),
        ["system", "scale-function", name] if is_segment(name) => only(&Method::POST, Route::Scale { name }),
        ["system", "alert"] => only(&Method::POST, Route::Alert),
        ["system", "info"] => only(&Method::GET, Route::Info),
        ["system", "namespaces"] => only(&Method::GET, Route::Namespaces),
        ["system", "namespace", name] if name.is_empty() || is_segment(name) => match *method {
            Method::GET | Method::POST | Method::PUT | Method::DELETE => Route::Namespace,
            _ => Route::WrongMethod,
        },
        ["system", "secrets"] => match *method {
            Method::GET | Method::POST | Method::PUT | Method::DELETE => Route::Secrets,
            _ => Route::WrongMethod,
        },
        ["system", "logs"] => only(&Method::GET, Route::Logs),
        _ => Route::Unknown,
    }
}

/// The gateway's pattern of names.
fn is_segment(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_and_a_method_mean_one_thing() {
        let name = "ftest";
        for (method, path, expected) in [
            ("GET", "/function/ftest", Route::Invoke { name }),
            ("BREW", "/function/ftest/", Route::Invoke { name }),
            ("POST", "/function/ftest/a/b", Route::Invoke { name }),
            ("GET", "/function/ftest.openfaas-fn", Route::Invoke { name: "ftest.openfaas-fn" }),
            ("GET", "/function/", Route::Unknown),
            ("GET", "/function/f%74est", Route::Unknown),
            ("GET", "/async-function/ftest", Route::WrongMethod),
            ("POST", "/async-function/ftest/x", Route::Queue { name }),
            ("GET", "/system/functions", Route::List),
            ("POST", "/system/functions", Route::Deploy),
            ("PUT", "/system/functions", Route::Update),
            ("DELETE", "/system/functions", Route::Delete),
            ("PATCH", "/system/functions", Route::WrongMethod),
            ("GET", "/system/function/ftest", Route::Status { name }),
            ("HEAD", "/system/function/ftest", Route::WrongMethod),
            ("GET", "/system/function/ftest/x", Route::Unknown),
            ("POST", "/system/scale-function/ftest", Route::Scale { name }),
            ("GET", "/system/scale-function/ftest", Route::WrongMethod),
            ("POST", "/system/alert", Route::Alert),
            ("GET", "/system/namespace/", Route::Namespace),
            ("DELETE", "/system/namespace/dev", Route::Namespace),
            ("PATCH", "/system/namespace/dev", Route::WrongMethod),
            ("GET", "/healthz", Route::Health),
            ("GET", "/", Route::Root),
            ("GET", "/ui/", Route::Ui),
            ("GET", "/ui", Route::Unknown),
            ("GET", "/metrics", Route::Unknown),
            ("OPTIONS", "*", Route::Unknown),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(route(&method, path), expected, "{method} {path}");
        }
    }

    proptest! {
        #[test]
        fn every_path_means_something(path in "\\PC{0,60}") {
            let _ = route(&Method::GET, &path);
        }
    }
}
