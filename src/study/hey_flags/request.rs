//! From flags to what is sent and when.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::drive::{ClientPlan, RequestPlan};
use crate::schedule::hey;

use super::{FlagError, Flags, headers};

/// What hey calls itself.
const USER_AGENT: &str = "hey/0.0.1";

/// The longest body a file may hold; every request carries it, and it is kept in memory.
const BODY_BYTES_MAX: u64 = 64 << 20;

impl Flags {
    /// When requests are due.
    ///
    /// # Errors
    /// When hey itself would refuse the numbers, or hang on them.
    pub fn pacing(&self) -> Result<hey::Settings, FlagError> {
        let workers = u32::try_from(self.workers.max(0)).map_err(|_| FlagError::TooManyWorkers(self.workers))?;
        let requests = u64::try_from(self.requests).unwrap_or(0);
        let duration = (!self.duration.is_zero()).then_some(self.duration);
        Ok(hey::Settings::new(requests, workers, self.rate, duration)?)
    }

    /// What is sent. A relative `-D` is looked up in `directory`.
    ///
    /// Headers stand in the order in which Go writes them: `Host` (only with `-host`), `User-Agent`, the others by name, and
    /// `Accept-Encoding` if the transport adds it.
    ///
    /// # Errors
    /// When a header, the method or the body file is none.
    pub fn request(&self, directory: &Path) -> Result<RequestPlan, FlagError> {
        if self.deprecated_h {
            return Err(FlagError::DeprecatedHeader);
        }
        let mut named = BTreeMap::from([("Content-Type".to_owned(), self.content_type.trim().to_owned())]);
        for input in &self.headers {
            let (name, value) = headers::split(input).ok_or_else(|| FlagError::Input(input.clone()))?;
            named.insert(name, value);
        }
        if !self.accept.is_empty() {
            named.insert("Accept".to_owned(), self.accept.trim().to_owned());
        }
        if !self.auth.is_empty() {
            let value = headers::basic_auth(&self.auth).ok_or_else(|| FlagError::Input(self.auth.clone()))?;
            named.insert("Authorization".to_owned(), value);
        }
        // hey reads the file before it looks at the method
        let body = self.read_body(directory)?;
        let method = if self.method.is_empty() { "GET".to_owned() } else { self.method.to_uppercase() };
        if !headers::is_method(&method) {
            return Err(FlagError::Method(method));
        }

        let given_agent = named.remove("User-Agent");
        let agent = if self.user_agent.is_empty() { given_agent } else { Some(self.user_agent.trim().to_owned()) };
        // a header that asks for it closes the connection just as the flag does; the transport then writes it itself
        let closes = named.get("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if closes {
            named.remove("Connection");
        }
        let asks_for_gzip = !self.disable_compression
            && method != "HEAD"
            && !named.contains_key("Accept-Encoding")
            && !named.contains_key("Range");

        let mut in_order = Vec::new();
        if !self.host.is_empty() {
            in_order.push(("Host".to_owned(), self.host.clone()));
        }
        in_order.push(("User-Agent".to_owned(), agent.unwrap_or_else(|| USER_AGENT.to_owned())));
        in_order.extend(named.into_iter().filter(|(name, _)| headers::is_sent(name)));
        if asks_for_gzip {
            in_order.push(("Accept-Encoding".to_owned(), "gzip".to_owned()));
        }
        if let Some((name, _)) = in_order.iter().find(|(_, value)| !headers::is_value(value)) {
            return Err(FlagError::HeaderValue(name.clone()));
        }
        Ok(RequestPlan {
            method,
            headers: in_order,
            body,
            timeout: u64::try_from(self.timeout_s).ok().filter(|secs| *secs > 0).map(Duration::from_secs),
            keep_alive: !self.disable_keepalive && !closes,
            client: ClientPlan {
                proxy: (!self.proxy.is_empty()).then(|| self.proxy.clone()),
                http2: self.http2,
                redirects: !self.disable_redirects,
                unpack: asks_for_gzip,
                ..ClientPlan::default()
            },
        })
    }

    fn read_body(&self, directory: &Path) -> Result<Vec<u8>, FlagError> {
        if self.body_file.is_empty() {
            return Ok(self.body.clone().into_bytes());
        }
        let path: PathBuf = directory.join(&self.body_file);
        let refused =
            |action: &'static str, reason: String| FlagError::BodyFile { action, path: self.body_file.clone(), reason };
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => refused("open", "no such file or directory".to_owned()),
            std::io::ErrorKind::PermissionDenied => refused("open", "permission denied".to_owned()),
            std::io::ErrorKind::IsADirectory => refused("read", "is a directory".to_owned()),
            _ => refused("read", error.to_string()),
        };
        // what is no file tells no length, and may have none
        let mut body = Vec::new();
        let file = std::fs::File::open(&path).map_err(failed)?;
        file.take(BODY_BYTES_MAX + 1).read_to_end(&mut body).map_err(failed)?;
        if body.len() as u64 > BODY_BYTES_MAX {
            return Err(refused("read", format!("longer than {} MiB", BODY_BYTES_MAX >> 20)));
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    fn flags(line: &str) -> Result<Flags, FlagError> {
        let words = words(line).expect("quotes are closed");
        Flags::parse(&words).map(|(flags, _)| flags)
    }

    fn request(line: &str) -> Result<RequestPlan, FlagError> {
        flags(line)?.request(Path::new("."))
    }

    fn header_lines(line: &str) -> String {
        let plan = request(line).expect("valid flags");
        plan.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_hey_refuses_is_refused_in_its_words() {
        for (line, text) in [
            ("-h 'A: b'", "Flag '-h' is deprecated, please use '-H' instead."),
            ("-H nonsense", "could not parse the provided input; input = nonsense"),
            ("-a user", "could not parse the provided input; input = user"),
            ("-m 'A B'", "net/http: invalid method \"A B\""),
            ("-D no/such/file", "open no/such/file: no such file or directory"),
            ("-D no/such/file -m 'A B'", "open no/such/file: no such file or directory"),
            ("-D .", "read .: is a directory"),
        ] {
            let error = request(line).expect_err(line);
            assert_eq!(error.to_string(), text);
            assert!(!error.is_syntax());
        }
        for (line, text) in [
            ("-n 5", "-n cannot be less than -c"),
            ("-n 0", "-n and -c cannot be smaller than 1"),
            ("-n -5 -c 1", "-n and -c cannot be smaller than 1"),
            ("-z 1s -c 0", "-c cannot be smaller than 1"),
            ("-c 99999999999 -z 1s", "-c 99999999999 is too many workers"),
        ] {
            assert_eq!(flags(line).and_then(|flags| flags.pacing()).expect_err(line).to_string(), text);
        }
    }

    #[test]
    fn without_flags_the_request_is_the_default_one() {
        assert_eq!(request(""), Ok(RequestPlan::default()));
    }

    #[test]
    fn headers_go_out_in_go_s_order_and_the_last_of_a_name_wins() {
        insta::assert_snapshot!(
            header_lines("-H 'x-b: 1' -H 'Hey: hey' -H 'X-B: 2' -H 'Accept: a/b' -A c/d -a user:pass -host fn.example -T text/plain"),
            @r"
        Host: fn.example
        User-Agent: hey/0.0.1
        Accept: c/d
        Authorization: Basic dXNlcjpwYXNz
        Content-Type: text/plain
        Hey: hey
        X-B: 2
        Accept-Encoding: gzip
        "
        );
        insta::assert_snapshot!(header_lines("-H 'user-agent: mine' -H 'Accept-Encoding: br' -H 'Content-Length: 5' -T ''"), @r"
        User-Agent: mine
        Accept-Encoding: br
        Content-Type: 
        ");
        insta::assert_snapshot!(header_lines("-U flag -H 'User-Agent: header' -m head"), @r"
        User-Agent: flag
        Content-Type: text/html
        ");
    }

    #[test]
    fn a_file_s_body_wins_and_connections_can_be_closed() {
        let directory = tempfile::tempdir().expect("a directory for the test");
        std::fs::write(directory.path().join("body.json"), b"{}\n").expect("written");
        let plan = flags("-m post -d text -D body.json -t 0 -disable-keepalive")
            .expect("valid flags")
            .request(directory.path())
            .expect("the file is there");
        assert_eq!((plan.method.as_str(), plan.body.as_slice()), ("POST", b"{}\n".as_slice()));
        assert_eq!((plan.timeout, plan.keep_alive), (None, false));
        assert!(!request("-H 'Connection: close'").expect("valid").keep_alive);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_body_without_end_is_refused() {
        assert_eq!(request("-D /dev/zero").expect_err("endless").to_string(), "read /dev/zero: longer than 64 MiB");
    }
}
