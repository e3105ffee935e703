//! The rules of profiles on a real store.
