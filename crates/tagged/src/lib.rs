//! **Tagged**: enums that are written as one flat JSON object, told apart by one of its fields.
//!
//! What serde's derive makes of `tag`, `default` and `deny_unknown_fields`, in a fifth of the code: the derive writes
//! two visitors and a list of names for every variant, [`tagged!`] one call for every field.
//!
//! Never: knows what the fields mean. Callers: the faults and the requests of both simulators.

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
///         /// The text is accepted in time; the modem tells so much later.
///         "answer_late" => AnswerLate { ms: u64, times: u32 = 1 },
///         "clear" => Clear,
///     }
/// }
/// ```
///
/// `Fault::AnswerLate { ms: 41000, times: 1 }` is written as `{"kind":"answer_late","ms":41000,"times":1}`. To be read,
/// `ms` must be given and `times` may be left out, for it has a default behind its `=`; a field that the line does not
/// have is refused.
#[macro_export]
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

            fn taken_from(given: &mut $crate::Given) -> Result<Self, serde_json::Error> {
                // `Ok` in every arm: around all of them it would be twice the code.
                match given.kind.as_str() {
                    $(
                        $kind => Ok(Self::$variant $({
                            $( $field: given.take(stringify!($field), $crate::tagged!(@default $($default)?))? ),*
                        })?),
                    )*
                    _ => Err(given.of_no_kind(&[$($kind),*])),
                }
            }

            fn told(&self) -> Result<$crate::Told, serde_json::Error> {
                let mut told = $crate::Told::new($tag, self.kind());
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
                $crate::read($tag, value, Self::taken_from).map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $noun {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.told().map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
        }
    };
}

/// Reads an object whose `tag` says what is to be taken from it; nothing may be left over.
///
/// # Errors
/// In words: what is missing, wrong or left over, and of which kind.
pub fn read<T>(
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
pub struct Given {
    tag: &'static str,
    /// What its tag says.
    pub kind: String,
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
    ///
    /// # Errors
    /// When it is missing and has no default, or is no such value: in words with its kind.
    #[inline(never)]
    pub fn take<T: DeserializeOwned>(
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

    /// That its tag says none of `kinds`.
    pub fn of_no_kind(&self, kinds: &[&str]) -> Error {
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
pub struct Told(Vec<(&'static str, Value)>);

impl Told {
    /// One with its tag alone.
    pub fn new(tag: &'static str, kind: &str) -> Self {
        Self(vec![(tag, kind.into())])
    }

    /// Adds a field. Not inlined for the reason of [`Given::take`].
    ///
    /// # Errors
    /// When the value has no form in JSON.
    #[inline(never)]
    pub fn put<T: Serialize>(&mut self, field: &'static str, value: &T) -> Result<(), Error> {
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

#[cfg(test)]
mod tests {
    use serde_json::{from_str, to_string};

    crate::tagged! {
        #[derive(Debug, PartialEq)]
        enum Drink by "kind" {
            "tea" => Tea { minutes: u8, leaf: String = "black".into(), sugar: Option<u8> = None },
            "water" => Water,
        }
    }

    fn tea() -> Drink {
        Drink::Tea {
            minutes: 3,
            leaf: "black".into(),
            sugar: None,
        }
    }

    fn why_not(order: &str) -> String {
        from_str::<Drink>(order).unwrap_err().to_string()
    }

    #[test]
    fn the_fields_are_written_behind_the_kind_in_the_order_of_their_line() {
        let written = to_string(&tea()).unwrap();
        assert_eq!(
            written,
            r#"{"kind":"tea","minutes":3,"leaf":"black","sugar":null}"#
        );
        assert_eq!(from_str::<Drink>(&written).unwrap(), tea());
        assert_eq!(to_string(&Drink::Water).unwrap(), r#"{"kind":"water"}"#);
    }

    #[test]
    fn the_kind_may_stand_anywhere_and_a_field_with_a_default_may_be_left_out() {
        assert_eq!(
            from_str::<Drink>(r#"{"minutes":3,"kind":"tea"}"#).unwrap(),
            tea()
        );
        assert_eq!(
            from_str::<Drink>(r#"{"kind":"water"}"#).unwrap(),
            Drink::Water
        );
    }

    #[test]
    fn a_format_other_than_json_is_read_the_same() {
        let order = "kind = \"tea\"\nminutes = 3\n";
        assert_eq!(toml::from_str::<Drink>(order).unwrap(), tea());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_field_and_its_kind() {
        for (order, why) in [
            (r#"["tea",3]"#, "an object with `kind` is expected"),
            (r#"{"minutes":3}"#, "missing field `kind`"),
            (r#"{"kind":7}"#, "`kind` must be a string"),
            (
                r#"{"kind":"tee\n"}"#,
                "unknown variant `tee\\n`; `kind` is one of tea, water",
            ),
            (
                r#"{"kind":"tea","leaf":"green"}"#,
                "missing field `minutes` of tea",
            ),
            (
                r#"{"kind":"tea","minutes":"three"}"#,
                "field `minutes` of tea: invalid type: string \"three\", expected u8",
            ),
            (
                r#"{"kind":"tea","minutes":300}"#,
                "field `minutes` of tea: invalid value: integer `300`, expected u8",
            ),
            (
                r#"{"kind":"tea","minutes":3,"leaf":null}"#,
                "field `leaf` of tea: invalid type: null, expected a string",
            ),
            (
                r#"{"kind":"tea","minutes":3,"milk\n":1}"#,
                "unknown field `milk\\n` of tea, which takes minutes, leaf, sugar",
            ),
            (
                r#"{"kind":"water","ice":true}"#,
                "unknown field `ice` of water, which takes nothing",
            ),
        ] {
            assert_eq!(why_not(order), why, "{order}");
        }
    }
}
