//! The values templates work with: those of hey's report, and what comes of them.

use std::collections::BTreeMap;
use std::rc::Rc;

/// A value; copies are cheap.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// No value at all.
    Nil,
    Bool(bool),
    Int(i64),
    Int64(i64),
    /// One byte of a text.
    Byte(u8),
    Float(f64),
    Text(Rc<str>),
    /// Nanoseconds.
    Duration(i64),
    Floats(Rc<[f64]>),
    Ints(Rc<[i64]>),
    Structs(&'static Struct, Rc<[Value]>),
    Struct(&'static Struct, Rc<[Value]>),
    IntMap(Rc<BTreeMap<i64, i64>>),
    TextMap(Rc<BTreeMap<String, i64>>),
    /// A list or map that was never made: it is empty, and null in JSON.
    Unmade(&'static str),
}

/// A type with fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Struct {
    pub(super) name: &'static str,
    /// The same as the element of a list.
    pub(super) list: &'static str,
    pub(super) fields: &'static [&'static str],
}

/// What a value is to functions that take several types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Nil,
    Bool,
    Int,
    Uint,
    Float,
    Text,
    List,
    Map,
    Struct,
}

impl Value {
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn nature(&self) -> Nature {
        match self {
            Self::Nil => Nature::Nil,
            Self::Bool(_) => Nature::Bool,
            Self::Int(_) | Self::Int64(_) | Self::Duration(_) => Nature::Int,
            Self::Byte(_) => Nature::Uint,
            Self::Float(_) => Nature::Float,
            Self::Text(_) => Nature::Text,
            Self::IntMap(_) | Self::TextMap(_) => Nature::Map,
            Self::Struct(..) => Nature::Struct,
            Self::Unmade(name) if name.starts_with("map") => Nature::Map,
            Self::Floats(_) | Self::Ints(_) | Self::Structs(..) | Self::Unmade(_) => Nature::List,
        }
    }

    /// Its type as Go names it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Duration(_) => "time.Duration",
            Self::Floats(_) => "[]float64",
            Self::Ints(_) => "[]int",
            Self::Structs(of, _) => of.list,
            Self::Struct(of, _) => of.name,
            Self::IntMap(_) => "map[int]int",
            Self::TextMap(_) => "map[string]int",
            Self::Unmade(name) => name,
        }
    }

    /// As a whole number, if it is one.
    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) | Self::Int64(int) | Self::Duration(int) => Some(*int),
            Self::Byte(byte) => Some(i64::from(*byte)),
            _ => None,
        }
    }

    /// Elements of a list, map or text; `None` if it has none to count.
    pub(super) fn len(&self) -> Option<usize> {
        Some(match self {
            Self::Text(text) => text.len(),
            Self::Floats(items) => items.len(),
            Self::Ints(items) => items.len(),
            Self::Structs(_, items) => items.len(),
            Self::IntMap(map) => map.len(),
            Self::TextMap(map) => map.len(),
            Self::Unmade(_) => 0,
            _ => return None,
        })
    }

    /// The element of a list at a place.
    pub(super) fn element(&self, at: usize) -> Option<Self> {
        match self {
            Self::Floats(items) => items.get(at).copied().map(Self::Float),
            Self::Ints(items) => items.get(at).copied().map(Self::Int),
            Self::Structs(_, items) => items.get(at).cloned(),
            Self::Text(text) => text.as_bytes().get(at).copied().map(Self::Byte),
            _ => None,
        }
    }

    /// Keys and values of a list or a map, in order; `None` if it is neither.
    pub(super) fn pairs(&self) -> Option<Vec<(Self, Self)>> {
        Some(match self {
            Self::IntMap(map) => map.iter().map(|(key, value)| (Self::Int(*key), Self::Int(*value))).collect(),
            Self::TextMap(map) => {
                map.iter().map(|(key, value)| (Self::text(key.as_str()), Self::Int(*value))).collect()
            }
            Self::Unmade(_) => Vec::new(),
            Self::Floats(_) | Self::Ints(_) | Self::Structs(..) => {
                let length = self.len().unwrap_or_default();
                (0..length).filter_map(|at| Some((Self::Int(at as i64), self.element(at)?))).collect()
            }
            _ => return None,
        })
    }

    /// A field of a struct.
    pub(super) fn field(&self, name: &str) -> Option<Self> {
        let Self::Struct(of, values) = self else { return None };
        of.fields.iter().position(|field| *field == name).and_then(|at| values.get(at).cloned())
    }

    /// Whether it counts as true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(bool) => *bool,
            Self::Float(float) => *float != 0.0,
            Self::Struct(..) => true,
            other => other.as_int().map_or_else(|| other.len().is_some_and(|length| length > 0), |int| int != 0),
        }
    }
}
