//! The texts of `hey -help`: hey's own to the byte, and what comes after it here.

use std::fmt::Write;

use super::options::OPTIONS;

/// hey's usage (hey 0.1.4, hey.go), which scripts may compare; `cores` stands in its last line.
pub fn usage(cores: usize) -> String {
    format!(
        r#"Usage: hey [options...] <url>

Options:
  -n  Number of requests to run. Default is 200.
  -c  Number of workers to run concurrently. Total number of requests cannot
      be smaller than the concurrency level. Default is 50.
  -q  Rate limit, in queries per second (QPS) per worker. Default is no rate limit.
  -z  Duration of application to send requests. When duration is reached,
      application stops and exits. If duration is specified, n is ignored.
      Examples: -z 10s -z 3m.
  -o  Output type. If none provided, a summary is printed.
      "csv" is the only supported alternative. Dumps the response
      metrics in comma-separated values format.

  -m  HTTP method, one of GET, POST, PUT, DELETE, HEAD, OPTIONS.
  -H  Custom HTTP header. You can specify as many as needed by repeating the flag.
      For example, -H "Accept: text/html" -H "Content-Type: application/xml" .
  -t  Timeout for each request in seconds. Default is 20, use 0 for infinite.
  -A  HTTP Accept header.
  -d  HTTP request body.
  -D  HTTP request body from file. For example, /home/user/file.txt or ./file.txt.
  -T  Content-type, defaults to "text/html".
  -a  Basic authentication, username:password.
  -x  HTTP Proxy address as host:port.
  -h2 Enable HTTP/2.

  -host	HTTP Host header.

  -disable-compression  Disable compression.
  -disable-keepalive    Disable keep-alive, prevents re-use of TCP
                        connections between different HTTP requests.
  -disable-redirects    Disable following of HTTP redirects
  -cpus                 Number of used cpu cores.
                        (default for current machine is {cores} cores)
"#
    )
}

/// hey's usage and after it what hey lacks: what `-help` prints.
pub fn help(cores: usize) -> String {
    let mut text = usage(cores);
    text.push_str("\nBeyond hey (watchtower; without these options the output is hey's):\n");
    text.push_str("  -U  User-Agent header, as in later versions of hey.\n");
    for option in OPTIONS {
        let flag = format!("--{} {}", option.name, option.value);
        let _ = writeln!(text, "  {:<18}  {}", flag.trim_end(), option.doc);
    }
    text.push_str("\nDifferences from hey are listed in docs/hey.md.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_begins_with_the_usage_of_hey_and_names_every_option() {
        let help = help(2);
        assert!(help.starts_with(&usage(2)));
        for option in OPTIONS {
            assert!(help.contains(&format!("  --{}", option.name)), "{}", option.name);
        }
        assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
    }
}
