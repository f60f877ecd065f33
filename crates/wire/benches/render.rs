//! What rendering and signing of one report costs.
fn main() {}
