//! Prints what the metrics of one answer from memory cost, in nanoseconds, with one thread and with two.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement with threads of its own")]

use std::time::{Duration, Instant};

use enabler_telemetry::metrics;

const ROUNDS: u32 = 2_000_000;

/// What a node counts for one question whose answer it remembers.
fn answer() {
    let _in_work = metrics::HTTP_IN_WORK.held([]);
    metrics::QUESTION_STAGE_SECONDS.took(["cache"], Duration::from_micros(3));
    metrics::CACHE_LOOKUPS.one(["answer", "hit"]);
    metrics::QUESTIONS.one(["licencas_software", "operator", "cached"]);
    metrics::QUESTION_SECONDS.took(["licencas_software"], Duration::from_micros(20));
    metrics::HTTP_REQUESTS.one(["ask", "200"]);
    metrics::HTTP_SECONDS.took(["ask"], Duration::from_micros(60));
}

fn main() {
    for threads in [1, 2] {
        let began = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..ROUNDS).for_each(|_| answer()));
            }
        });
        let each = began.elapsed().as_nanos() / u128::from(ROUNDS);
        println!("{threads} threads: {each} ns for each answer of a thread");
    }
}
