//! JSON as Go's `encoding/json` reads and writes it, where that differs from others.

use std::io;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::super::server::Answer;
use super::answer;

/// Go writes `<`, `>`, `&` and two separators of lines in an escaped form, so that a page may quote its JSON.
struct ForPages;

impl Formatter for ForPages {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(place) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(place);
            let mut letters = special.chars();
            let letter = letters.next().map_or(0, u32::from);
            write!(writer, "{plain}\\u{letter:04x}")?;
            rest = letters.as_str();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

/// A value as a JSON answer.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Answer {
    let mut body = Vec::new();
    match value.serialize(&mut Serializer::with_formatter(&mut body, ForPages)) {
        Ok(()) => answer::typed(StatusCode::OK, "application/json", Bytes::from(body)),
        Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// A JSON object, or `null`, which stands for an empty one.
///
/// # Errors
/// Go's words for it, where they can be told.
pub(super) fn object<T: Default + DeserializeOwned>(body: &[u8], type_name: &str) -> Result<T, String> {
    let value: serde_json::Value = serde_json::from_slice(body).map_err(|error| syntax(body, &error))?;
    let kind = match &value {
        serde_json::Value::Null => return Ok(T::default()),
        serde_json::Value::Object(_) => return serde_json::from_value(value).map_err(|error| error.to_string()),
        serde_json::Value::Bool(_) => "bool",
        serde_json::Value::Number(_) => "number",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
    };
    Err(format!("json: cannot unmarshal {kind} into Go value of type {type_name}"))
}

fn syntax(body: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let first = body.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(byte) if byte.is_ascii_graphic() && !b"{[\"-0123456789tfn".contains(&byte) => {
            format!("invalid character '{}' looking for beginning of value", byte as char)
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn what_a_page_could_take_for_its_own_is_escaped() {
        let body = json(&["a<b>&c\u{2028}\"\n"]).into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "[\"a\\u003cb\\u003e\\u0026c\\u2028\\\"\\n\"]");
    }

    #[test]
    fn an_object_is_an_object_or_null_and_anything_else_is_refused_in_gos_words() {
        let read = |text: &str| object::<BTreeMap<String, u32>>(text.as_bytes(), "types.Secret");
        assert_eq!(read("null"), Ok(BTreeMap::new()));
        assert_eq!(read("{\"a\":1}").unwrap()["a"], 1);
        for (text, error) in [
            ("", "unexpected end of JSON input"),
            ("{\"a\":", "unexpected end of JSON input"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("[]", "json: cannot unmarshal array into Go value of type types.Secret"),
            ("\"a\"", "json: cannot unmarshal string into Go value of type types.Secret"),
            ("1", "json: cannot unmarshal number into Go value of type types.Secret"),
            ("true", "json: cannot unmarshal bool into Go value of type types.Secret"),
        ] {
            assert_eq!(read(text), Err(error.to_owned()), "{text}");
        }
    }
}
