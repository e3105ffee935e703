//! How a table of the file becomes a section: each key has a field, and what fits none is complained of.
//!
//! Nothing stops at a mistake: an entry that does not fit is left out, and the rest is read.
//!
//! The fields are reached through `dyn`, and nothing here is made anew for each section: serde's way, with code of its own
//! for each section and each kind of value, came to 0.5 MB of program for a file that is read once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Given;
use super::read::{Entry, Reading};

/// The name of an entry of a table.
pub(super) type Key<'a> = Spanned<Cow<'a, str>>;
/// What is written for it.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// A table whose keys are known.
pub(super) trait Section {
    /// Where the value of this key belongs; `None`: there is no such key.
    fn place(&mut self, key: &str) -> Option<&mut dyn Place>;
}

/// A field of a section.
pub(super) trait Place {
    /// Keeps the value. `false`: it is none that belongs here. What is wrong inside it, `reading` hears.
    fn put(&mut self, value: Value<'_>, reading: &mut Reading<'_>) -> bool;
}

/// What a value is read as.
pub(super) trait Shape: Sized {
    /// `None`: it has another shape. What is wrong inside it, `reading` hears.
    fn of(value: Value<'_>, reading: &mut Reading<'_>) -> Option<Self>;
}

/// Makes sections of the lists of their keys: `struct Tls { ca_file: Given<String>, }` is a table that may have the key
/// `ca_file`, and in which it is a text.
macro_rules! sections {
    ($(
        $(#[$about:meta])*
        struct $name:ident { $( $(#[$note:meta])* $key:ident: $shape:ty, )* }
    )*) => {$(
        $(#[$about])*
        #[derive(Debug, Default)]
        pub(in crate::config) struct $name {
            $( $(#[$note])* pub(in crate::config) $key: $shape, )*
        }

        impl $crate::config::raw::section::Section for $name {
            fn place(&mut self, key: &str) -> Option<&mut dyn $crate::config::raw::section::Place> {
                match key {
                    $( stringify!($key) => Some(&mut self.$key), )*
                    _ => None,
                }
            }
        }

        #[cfg(test)]
        impl $crate::config::raw::keys::tests::Keys for $name {
            const KEYS: &'static [&'static str] = &[$( stringify!($key) ),*];
        }
    )*};
}
pub(super) use sections;

impl Reading<'_> {
    pub(super) fn fill(&mut self, section: &mut dyn Section, table: DeTable<'_>) {
        self.entries(table, &mut |reading, key, value| {
            let place = section.place(key.get_ref());
            place.is_some_and(|place| place.put(value, reading))
        });
    }

    /// Hands over each entry, and complains of those that are not taken.
    fn entries(
        &mut self,
        table: DeTable<'_>,
        take: &mut dyn FnMut(&mut Self, Key<'_>, Value<'_>) -> bool,
    ) {
        for (key, value) in table {
            let entry = Entry {
                key_at: key.span().start,
                value: value.span(),
                is_table: value.get_ref().is_table(),
            };
            self.path.push(key.get_ref().to_string());
            if !take(self, key, value) {
                self.complain(&entry);
            }
            self.path.pop();
        }
    }
}

impl<S: Section> Place for S {
    fn put(&mut self, value: Value<'_>, reading: &mut Reading<'_>) -> bool {
        let DeValue::Table(table) = value.into_inner() else {
            return false;
        };
        reading.fill(self, table);
        true
    }
}

impl<T: Shape> Place for Given<T> {
    fn put(&mut self, value: Value<'_>, reading: &mut Reading<'_>) -> bool {
        if self.is_some() {
            reading.is_written_twice = true;
            return false;
        }
        *self = Shape::of(value, reading);
        self.is_some()
    }
}

impl Place for Option<bool> {
    fn put(&mut self, value: Value<'_>, _: &mut Reading<'_>) -> bool {
        *self = value.get_ref().as_bool();
        self.is_some()
    }
}

impl<T: Shape> Place for BTreeMap<Spanned<String>, T> {
    fn put(&mut self, value: Value<'_>, reading: &mut Reading<'_>) -> bool {
        if !self.is_empty() {
            reading.is_written_twice = true;
            return false;
        }
        let read = Shape::of(value, reading);
        read.map(|map| *self = map).is_some()
    }
}

impl<S: Section + Default> Shape for S {
    fn of(value: Value<'_>, reading: &mut Reading<'_>) -> Option<Self> {
        let mut section = Self::default();
        section.put(value, reading).then_some(section)
    }
}

impl<T: Shape> Shape for Spanned<T> {
    fn of(value: Value<'_>, reading: &mut Reading<'_>) -> Option<Self> {
        let span = value.span();
        Some(Self::new(span, T::of(value, reading)?))
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn of(value: Value<'_>, reading: &mut Reading<'_>) -> Option<Self> {
        let DeValue::Array(list) = value.into_inner() else {
            return None;
        };
        list.into_iter().map(|item| T::of(item, reading)).collect()
    }
}

impl<T: Shape> Shape for BTreeMap<Spanned<String>, T> {
    fn of(value: Value<'_>, reading: &mut Reading<'_>) -> Option<Self> {
        let DeValue::Table(table) = value.into_inner() else {
            return None;
        };
        let mut map = Self::new();
        reading.entries(table, &mut |reading, key, value| {
            let name = Spanned::new(key.span(), key.into_inner().into_owned());
            let value = T::of(value, reading);
            value.map(|value| map.insert(name, value)).is_some()
        });
        Some(map)
    }
}

impl Shape for String {
    fn of(value: Value<'_>, _: &mut Reading<'_>) -> Option<Self> {
        match value.into_inner() {
            DeValue::String(text) => Some(text.into_owned()),
            _ => None,
        }
    }
}

impl Shape for i64 {
    fn of(value: Value<'_>, _: &mut Reading<'_>) -> Option<Self> {
        let number = value.get_ref().as_integer()?;
        Self::from_str_radix(number.as_str(), number.radix()).ok()
    }
}

impl Shape for f64 {
    fn of(value: Value<'_>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse().ok(),
            // Whole numbers that are exact: nothing here is above 1.
            DeValue::Integer(_) => i32::try_from(i64::of(value, reading)?).ok().map(Self::from),
            _ => None,
        }
    }
}
