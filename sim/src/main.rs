//! `sim`: finds failures, replays them from one line, and shows them.

fn main() {}
