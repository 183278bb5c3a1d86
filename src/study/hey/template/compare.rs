//! `eq`, `ne`, `lt`, `le`, `gt`, `ge` (Go's text/template, funcs.go).

use std::cmp::Ordering;

use super::format::print_format;
use super::value::{Nature, Value};

const TYPE: &str = "invalid type for comparison";
const KINDS: &str = "incompatible types for comparison";

/// Whether the first equals any of the others.
pub(super) fn equal_to_any(first: &Value, others: &[Value]) -> Result<bool, String> {
    if matches!(first.nature(), Nature::List | Nature::Map) || is_unsized_struct(first) {
        return Err(incomparable(first));
    }
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two values are equal.
pub(super) fn equal(one: &Value, other: &Value) -> Result<bool, String> {
    let (a, b) = (one.nature(), other.nature());
    match (a, b) {
        (Nature::Int, Nature::Uint) | (Nature::Uint, Nature::Int) => return Ok(one.as_int() == other.as_int()),
        (a, b) if a != b => {
            return if a == Nature::Nil || b == Nature::Nil { Ok(false) } else { Err(KINDS.to_owned()) };
        }
        _ => {}
    }
    match (one, other) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        #[expect(clippy::float_cmp, reason = "that is what == means to Go")]
        (Value::Float(one), Value::Float(other)) => Ok(one == other),
        (Value::Text(one), Value::Text(other)) => Ok(one == other),
        (one, other) => match (one.as_int(), other.as_int()) {
            (Some(one), Some(other)) => Ok(one == other),
            _ if matches!(b, Nature::List | Nature::Map) || is_unsized_struct(other) => Err(incomparable(other)),
            _ => Ok(one == other),
        },
    }
}

/// How two values are ordered; numbers that are none are not, which counts as greater.
pub(super) fn order(one: &Value, other: &Value) -> Result<Option<Ordering>, String> {
    let of = |value: &Value| match value.nature() {
        Nature::Int | Nature::Uint | Nature::Float | Nature::Text | Nature::Bool => Ok(value.nature()),
        _ => Err(TYPE.to_owned()),
    };
    match (of(one)?, of(other)?) {
        (Nature::Int | Nature::Uint, Nature::Int | Nature::Uint) => Ok(Some(one.as_int().cmp(&other.as_int()))),
        (a, b) if a != b => Err(KINDS.to_owned()),
        (Nature::Bool, _) => Err(TYPE.to_owned()),
        _ => match (one, other) {
            (Value::Float(one), Value::Float(other)) => Ok(one.partial_cmp(other)),
            (Value::Text(one), Value::Text(other)) => Ok(Some(one.cmp(other))),
            _ => Err(TYPE.to_owned()),
        },
    }
}

fn incomparable(value: &Value) -> String {
    let shown = print_format("%s", std::slice::from_ref(value));
    format!("non-comparable type {shown}: {}", value.type_name())
}

/// hey's report holds lists, so two of them can't be compared.
fn is_unsized_struct(value: &Value) -> bool {
    matches!(value, Value::Struct(_, fields) if fields.iter().any(|field| field.len().is_some() && field.nature() != Nature::Text))
}
