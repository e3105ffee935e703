//! Nothing but a place for the benchmarks.
