//! The functions of templates: Go's own and hey's four.

use std::cmp::Ordering;

use crate::stats::hey_summary::{HistogramRow, histogram_text};

use super::compare::{equal, equal_to_any, order};
use super::escape;
use super::format::{print, print_format, print_line};
use super::json::jsonify;
use super::report::BUCKET;
use super::value::{Nature, Value};

/// What a function takes in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Param {
    Any,
    Float,
    Int,
    Text,
    Duration,
    Buckets,
}

impl Param {
    /// The type as Go names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Float => "float64",
            Self::Int => "int",
            Self::Text => "string",
            Self::Duration => "time.Duration",
            Self::Buckets => BUCKET.list,
        }
    }

    /// Whether a value is of this type.
    pub(super) fn takes(self, value: &Value) -> bool {
        self == Self::Any || value.type_name() == self.name()
    }
}

/// A function's parameters: the first ones, and what may follow any number of times.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) params: &'static [Param],
    pub(super) more: Option<Param>,
}

const fn function(name: &'static str, params: &'static [Param], more: Option<Param>) -> Function {
    Function { name, params, more }
}

use Param::{Any, Buckets, Float, Int, Text};

static FUNCTIONS: [Function; 23] = [
    function("and", &[Any], Some(Any)),
    function("call", &[Any], Some(Any)),
    function("eq", &[Any], Some(Any)),
    function("formatNumber", &[Float], None),
    function("formatNumberInt", &[Int], None),
    function("ge", &[Any, Any], None),
    function("gt", &[Any, Any], None),
    function("histogram", &[Buckets], None),
    function("html", &[], Some(Any)),
    function("index", &[Any], Some(Any)),
    function("js", &[], Some(Any)),
    function("jsonify", &[Any], None),
    function("le", &[Any, Any], None),
    function("len", &[Any], None),
    function("lt", &[Any, Any], None),
    function("ne", &[Any, Any], None),
    function("not", &[Any], None),
    function("or", &[Any], Some(Any)),
    function("print", &[], Some(Any)),
    function("printf", &[Text], Some(Any)),
    function("println", &[], Some(Any)),
    function("slice", &[Any], Some(Any)),
    function("urlquery", &[], Some(Any)),
];

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Calls a function with as many arguments as it takes, of the types it takes. `and` and `or` are not called: they choose.
pub(super) fn call(function: &Function, args: &[Value]) -> Result<Value, String> {
    let text = |text: String| Ok(Value::text(text));
    let bool = |result: Result<bool, String>| result.map(Value::Bool);
    let ordered = |wanted: fn(Ordering) -> bool| bool(order(&args[0], &args[1]).map(|order| order.is_some_and(wanted)));
    match function.name {
        "formatNumber" => text(print_format("%4.4f", args)),
        "formatNumberInt" => text(print_format("%d", args)),
        "histogram" => text(histogram(&args[0])),
        "jsonify" => text(jsonify(&args[0])),
        "print" => text(print(args)),
        "println" => text(print_line(args)),
        "printf" => match &args[0] {
            Value::Text(format) => text(print_format(format, &args[1..])),
            _ => Err("its format is no text".to_owned()),
        },
        "html" => text(escape::html(&print(args))),
        "js" => text(escape::js(&print(args))),
        "urlquery" => text(escape::url_query(&print(args))),
        "not" => Ok(Value::Bool(!args[0].is_true())),
        "eq" => bool(equal_to_any(&args[0], &args[1..])),
        "ne" => bool(equal(&args[0], &args[1]).map(|equal| !equal)),
        "lt" => ordered(Ordering::is_lt),
        "le" => ordered(Ordering::is_le),
        "gt" => ordered(Ordering::is_gt),
        "ge" => ordered(Ordering::is_ge),
        "len" => len(&args[0]),
        "index" => index(&args[0], &args[1..]),
        "slice" => slice(&args[0], &args[1..]),
        _ => match &args[0] {
            Value::Nil => Err("call of nil".to_owned()),
            value => Err(format!("non-function of type {}", value.type_name())),
        },
    }
}

fn histogram(buckets: &Value) -> String {
    let rows: Vec<HistogramRow> = buckets
        .pairs()
        .unwrap_or_default()
        .iter()
        .filter_map(|(_, bucket)| match (bucket.field("Mark")?, bucket.field("Count")?) {
            (Value::Float(mark), Value::Int(count)) => Some(HistogramRow { mark, count: count as u64 }),
            _ => None,
        })
        .collect();
    histogram_text(&rows)
}

fn len(value: &Value) -> Result<Value, String> {
    match (value.len(), value) {
        (Some(length), _) => Ok(Value::Int(length as i64)),
        (None, Value::Nil) => Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        (None, value) => Err(format!("len of type {}", value.type_name())),
    }
}

fn place(value: &Value, most: usize) -> Result<usize, String> {
    let Some(int) = value.as_int() else {
        return Err(match value {
            Value::Nil => "cannot index slice/array with nil".to_owned(),
            value => format!("cannot index slice/array with type {}", value.type_name()),
        });
    };
    usize::try_from(int).ok().filter(|at| *at <= most).ok_or_else(|| format!("index out of range: {int}"))
}

fn index(value: &Value, places: &[Value]) -> Result<Value, String> {
    let mut value = value.clone();
    if value == Value::Nil {
        return Err("index of untyped nil".to_owned());
    }
    for at in places {
        value = match value.nature() {
            Nature::List | Nature::Text => {
                let at = place(at, value.len().unwrap_or_default())?;
                let kind = if value.nature() == Nature::Text { "string" } else { "slice" };
                value.element(at).ok_or_else(|| format!("reflect: {kind} index out of range"))?
            }
            Nature::Map => {
                let takes_text = value.type_name() == "map[string]int";
                let fits = if takes_text { at.nature() == Nature::Text } else { at.nature() == Nature::Int };
                if !fits {
                    let wanted = if takes_text { "string" } else { "int" };
                    return Err(match at {
                        Value::Nil => format!("value is nil; should be of type {wanted}"),
                        at => format!("value has type {}; should be {wanted}", at.type_name()),
                    });
                }
                let found = value.pairs().unwrap_or_default().into_iter().find(|(key, _)| equal(key, at) == Ok(true));
                found.map_or(Value::Int(0), |(_, found)| found)
            }
            Nature::Nil => return Err("index of nil pointer".to_owned()),
            _ => return Err(format!("can't index item of type {}", value.type_name())),
        };
    }
    Ok(value)
}

fn slice(value: &Value, bounds: &[Value]) -> Result<Value, String> {
    if *value == Value::Nil {
        return Err("slice of untyped nil".to_owned());
    }
    if bounds.len() > 3 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    let Some(length) = value.len().filter(|_| matches!(value.nature(), Nature::List | Nature::Text)) else {
        return Err(format!("can't slice item of type {}", value.type_name()));
    };
    if bounds.len() == 3 && value.nature() == Nature::Text {
        return Err("cannot 3-index slice a string".to_owned());
    }
    let bounds = bounds.iter().map(|bound| place(bound, length)).collect::<Result<Vec<_>, _>>()?;
    let (from, to) = (bounds.first().copied().unwrap_or(0), bounds.get(1).copied().unwrap_or(length));
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if let Some(most) = bounds.get(2).filter(|most| to > **most) {
        return Err(format!("invalid slice index: {to} > {most}"));
    }
    Ok(match value {
        Value::Text(text) => Value::text(String::from_utf8_lossy(&text.as_bytes()[from..to])),
        Value::Floats(items) => Value::Floats(items[from..to].into()),
        Value::Ints(items) => Value::Ints(items[from..to].into()),
        Value::Structs(of, items) => Value::Structs(of, items[from..to].into()),
        other => other.clone(),
    })
}
