//! **Tagged**: enums that are written as one flat JSON object, told apart by one of its fields.
//!
//! What serde's derive makes of `tag`, `default` and `deny_unknown_fields`, in a fifth of the code: the derive writes
//! two visitors and a list of names for every variant, [`tagged!`] one call for every field.
//!
//! `modem-sim` has the same for its own enums: the two simulators know nothing of each other.
//!
//! Never: knows what the fields mean.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Error, Map, Value};

/// Makes an enum that serde reads and writes as an object, of one line for each variant:
///
/// ```text
/// tagged! {
///     /// What it is.
///     #[derive(Clone, Debug, PartialEq)]
///     pub enum Fault by "kind" {
///         /// This status; taken or not.
///         "server_error" => ServerError { status: u16, taken: bool = false },
///         "close_unread" => CloseUnread,
///     }
/// }
/// ```
///
/// `Fault::ServerError { status: 500, taken: false }` is written as `{"kind":"server_error","status":500,"taken":false}`.
/// To be read, `status` must be given and `taken` may be left out, for it has a default behind its `=`; a field that the
/// line does not have is refused.
macro_rules! tagged {
    (@default) => { None };
    (@default $default:expr) => { Some($default) };
    (
        $(#[$about:meta])*
        $seen:vis enum $noun:ident by $tag:literal {
            $(
                $(#[$of_variant:meta])*
                $kind:literal => $variant:ident $({
                    $( $(#[$of_field:meta])* $field:ident: $type:ty $(= $default:expr)? ),* $(,)?
                })?
            ),* $(,)?
        }
    ) => {
        $(#[$about])*
        $seen enum $noun {
            $(
                $(#[$of_variant])*
                $variant $({ $( $(#[$of_field])* $field: $type ),* })?
            ),*
        }

        impl $noun {
            fn kind(&self) -> &'static str {
                match self {
                    $( Self::$variant { .. } => $kind ),*
                }
            }

            fn taken_from(given: &mut $crate::tagged::Given) -> Result<Self, serde_json::Error> {
                // `Ok` in every arm: around all of them it would be twice the code.
                match given.kind.as_str() {
                    $(
                        $kind => Ok(Self::$variant $({
                            $( $field: given.take(stringify!($field), tagged!(@default $($default)?))? ),*
                        })?),
                    )*
                    _ => Err(given.of_no_kind(&[$($kind),*])),
                }
            }

            fn told(&self) -> Result<$crate::tagged::Told, serde_json::Error> {
                let mut told = $crate::tagged::Told::new($tag, self.kind());
                match self {
                    $(
                        Self::$variant $({ $($field),* })? => {
                            $( $( told.put(stringify!($field), $field)?; )* )?
                        }
                    )*
                }
                Ok(told)
            }
        }

        /// By way of a value, whatever is read: each further kind of reader would be the code of all variants once
        /// more.
        impl<'de> serde::Deserialize<'de> for $noun {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = serde_json::Value::deserialize(deserializer)?;
                $crate::tagged::read($tag, value, Self::taken_from).map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $noun {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.told().map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
        }
    };
}

pub(crate) use tagged;

/// Reads an object whose `tag` says what is to be taken from it; nothing may be left over.
pub(crate) fn read<T>(
    tag: &'static str,
    value: Value,
    taken_from: fn(&mut Given) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut given = Given::new(tag, value)?;
    let taken = taken_from(&mut given)?;
    given.nothing_is_left()?;
    Ok(taken)
}

/// The fields of one object, of which those of its kind are taken.
#[derive(Debug)]
pub(crate) struct Given {
    tag: &'static str,
    pub(crate) kind: String,
    fields: Map<String, Value>,
    /// Fields that its kind has, given or not.
    taken: Vec<&'static str>,
}

impl Given {
    fn new(tag: &'static str, value: Value) -> Result<Self, Error> {
        let Value::Object(mut fields) = value else {
            return Err(Error::custom(format_args!(
                "an object with `{tag}` is expected"
            )));
        };
        match fields.remove(tag) {
            Some(Value::String(kind)) => Ok(Self {
                tag,
                kind,
                fields,
                taken: Vec::new(),
            }),
            Some(_) => Err(Error::custom(format_args!("`{tag}` must be a string"))),
            None => Err(Error::custom(format_args!("missing field `{tag}`"))),
        }
    }

    /// The value of a field, or its default. Not inlined, so that there is one of it for each type and not for each
    /// field.
    #[inline(never)]
    pub(crate) fn take<T: DeserializeOwned>(
        &mut self,
        field: &'static str,
        default: Option<T>,
    ) -> Result<T, Error> {
        match self.remove(field) {
            Some(value) => T::deserialize(value).map_err(|error| self.unreadable(field, &error)),
            None => default.ok_or_else(|| self.missing(field)),
        }
    }

    #[inline(never)]
    fn remove(&mut self, field: &'static str) -> Option<Value> {
        self.taken.push(field);
        self.fields.remove(field)
    }

    #[inline(never)]
    fn unreadable(&self, field: &str, why: &Error) -> Error {
        Error::custom(format_args!("field `{field}` of {}: {why}", self.kind))
    }

    #[inline(never)]
    fn missing(&self, field: &str) -> Error {
        Error::custom(format_args!("missing field `{field}` of {}", self.kind))
    }

    pub(crate) fn of_no_kind(&self, kinds: &[&str]) -> Error {
        let (tag, kind, kinds) = (self.tag, self.kind.escape_debug(), kinds.join(", "));
        Error::custom(format_args!(
            "unknown variant `{kind}`; `{tag}` is one of {kinds}"
        ))
    }

    fn nothing_is_left(&self) -> Result<(), Error> {
        let Some(field) = self.fields.keys().next() else {
            return Ok(());
        };
        let takes = match self.taken.as_slice() {
            [] => "nothing".to_owned(),
            taken => taken.join(", "),
        };
        let (field, kind) = (field.escape_debug(), &self.kind);
        Err(Error::custom(format_args!(
            "unknown field `{field}` of {kind}, which takes {takes}"
        )))
    }
}

/// The fields of one object, in the order in which they are to be written.
#[derive(Debug)]
pub(crate) struct Told(Vec<(&'static str, Value)>);

impl Told {
    pub(crate) fn new(tag: &'static str, kind: &str) -> Self {
        Self(vec![(tag, kind.into())])
    }

    /// Not inlined for the reason of [`Given::take`].
    #[inline(never)]
    pub(crate) fn put<T: Serialize>(
        &mut self,
        field: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.0.push((field, serde_json::to_value(value)?));
        Ok(())
    }
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, value) in &self.0 {
            map.serialize_entry(field, value)?;
        }
        map.end()
    }
}
