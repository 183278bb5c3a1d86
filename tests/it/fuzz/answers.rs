//! What a server sends: heads of answers and chunked bodies.

use std::hash::{DefaultHasher, Hash, Hasher};

use hyper::Method;
use watchtower::drive::live::load::read_answer;

use super::Target;

pub(super) const HEADS: Target = Target {
    name: "heads of answers",
    seeds: heads,
    words: &[
        "\r\n",
        "\n",
        "\r",
        "HTTP/1.1 ",
        "HTTP/1.0 ",
        "HTTP/2.0",
        " 200 OK\r\n",
        "100 Continue\r\n\r\n",
        "204",
        "304",
        "302",
        "101",
        "Content-Length: ",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "Content-Encoding: gzip\r\n",
        "Location: /\r\n",
        "X-Watchtower-Replica: 7\r\n",
        ":",
        ",",
        " ",
        "\t",
        "\0",
        "\r\n\r\n",
        "0\r\n\r\n",
    ],
    run: read,
};

pub(super) const CHUNKS: Target = Target {
    name: "chunked bodies",
    seeds: chunks,
    words: &[
        "\r\n",
        "0\r\n\r\n",
        "5\r\nhello\r\n",
        ";a=b",
        "ffffffffffffffff\r\n",
        " ",
        "\t",
        "Expires: 0\r\n",
        "0",
        "\n",
        "\r",
    ],
    run: |body| read(&[CHUNKED, body].concat()),
};

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn heads() -> Vec<Vec<u8>> {
    let texts = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX-Watchtower-Replica: 3\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nExpires: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://a/b?c\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 2, 2\n\nok",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "garbage\r\n\r\n",
        "",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn chunks() -> Vec<Vec<u8>> {
    let texts = [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "A;name=value\r\n0123456789\r\n000\r\nExpires: 0\r\nX: y\r\n\r\n",
        "1 \t\r\nx\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
        "",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// However the network cuts an answer, it is read as the same; nothing is taken that is not there.
fn read(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for method in [Method::GET, Method::HEAD, Method::CONNECT] {
        let whole = read_answer(&method, bytes, usize::MAX);
        for piece in [1, 2, 7, 64] {
            let cut = read_answer(&method, bytes, piece);
            assert_eq!(cut, whole, "{method} in pieces of {piece}");
        }
        match &whole {
            Ok(answer) => {
                assert!(answer.length <= bytes.len());
                assert!((100..1000).contains(&answer.status));
                // nothing behind an answer changes it
                let until_closed = answer.length == bytes.len();
                let more = read_answer(&method, &[bytes, b"HTTP/1.1 200 OK\r\n\r\n"].concat(), usize::MAX);
                assert!(until_closed || more.as_ref() == Ok(answer), "{method}: {more:?}");
                let location = answer.location.as_ref().map(|place| place.len().min(3));
                (answer.status, answer.size.map(u64::checked_ilog2), answer.keeps_open, location).hash(&mut hasher);
                (answer.length.min(64)).hash(&mut hasher);
            }
            Err(kind) => (kind, bytes.len().min(64)).hash(&mut hasher),
        }
    }
    hasher.finish()
}
