//! One question to a provider: sent again while it asks for patience, and given up when the time is over.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{RequestBuilder, Response};
use tokio::time::Instant;

use crate::error::ProviderError;

/// Tries of one question while the provider is overloaded or away.
const TRIES_MAX: u32 = 5;
/// The pause after the first try, doubled after each.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause, also when the provider asks for more: a person waits.
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// The largest answer: vectors of a batch are a few megabytes as text.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Who is asked, for what is said about it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) provider: &'static str,
    pub(crate) address: String,
}

/// What an answer is to whoever waits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// Ask again after a pause.
    Later,
    /// Asking again gives the same.
    No(String),
    /// Asking for the same again gives the same.
    Unfit(String),
}

/// The pause after try `number` (from 0), where the provider may name one. Pure.
fn pause(number: u32, named: Option<Duration>) -> Duration {
    let own = PAUSE * 2_u32.saturating_pow(number.min(16));
    named.unwrap_or_default().max(own).min(PAUSE_MAX)
}

impl Asked {
    /// Sends what `make` makes until it is answered; `judge` reads status and body.
    pub(crate) async fn send(
        &self,
        until: Instant,
        make: impl Fn() -> Result<RequestBuilder, ProviderError>,
        judge: impl Fn(u16, &[u8]) -> Verdict,
    ) -> Result<Bytes, ProviderError> {
        let timed_out = || ProviderError::TimedOut { provider: self.provider };
        let mut last = timed_out();
        for number in 0..TRIES_MAX {
            let sent = tokio::time::timeout_at(until, async { read(make()?.send().await).await }).await;
            let named = match sent.map_err(|_| timed_out())?? {
                Answer::Whole { status, body, named } => match judge(status, &body) {
                    Verdict::Good => return Ok(body),
                    Verdict::No(why) => {
                        return Err(ProviderError::Refused { provider: self.provider, why });
                    }
                    Verdict::Unfit(why) => {
                        return Err(ProviderError::Unfit { provider: self.provider, why });
                    }
                    Verdict::Later => {
                        last = ProviderError::Overloaded { provider: self.provider };
                        named
                    }
                },
                Answer::TooLong => {
                    return Err(self.strange(format!("more than {} MiB", ANSWER_BYTES_MAX >> 20)));
                }
                Answer::None(why) => {
                    let address = self.address.clone();
                    last = ProviderError::Unreachable { provider: self.provider, address, why };
                    None
                }
            };
            let wait = pause(number, named);
            // A try that begins when the time is over is none.
            if number + 1 == TRIES_MAX || Instant::now() + wait >= until {
                return Err(last);
            }
            tokio::time::sleep(wait).await;
        }
        Err(last)
    }

    pub(crate) fn strange(&self, what: impl Into<String>) -> ProviderError {
        ProviderError::Strange { provider: self.provider, what: what.into() }
    }
}

enum Answer {
    Whole { status: u16, body: Bytes, named: Option<Duration> },
    TooLong,
    None(String),
}

async fn read(sent: Result<Response, reqwest::Error>) -> Result<Answer, ProviderError> {
    let mut response = match sent {
        Ok(response) => response,
        Err(error) => return Ok(Answer::None(said(error))),
    };
    let status = response.status().as_u16();
    let named = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(part)) if body.len() + part.len() > ANSWER_BYTES_MAX => return Ok(Answer::TooLong),
            Ok(Some(part)) => body.extend_from_slice(&part),
            Ok(None) => {
                let named = named.map(Duration::from_secs);
                return Ok(Answer::Whole { status, body: body.freeze(), named });
            }
            Err(error) => return Ok(Answer::None(said(error))),
        }
    }
}

/// What the network said, without the address, which may hold a password.
fn said(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut last: &dyn std::error::Error = &error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// The first line of what a provider says, not too long for a log.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// Vectors of unit length, one for each text and all as long, or what is wrong with them. Pure.
pub(crate) fn unit(vectors: Vec<Vec<f32>>, texts: usize) -> Result<Vec<Vec<f32>>, String> {
    if vectors.len() != texts {
        return Err(format!("{} vectors for {texts} texts", vectors.len()));
    }
    let dimensions = vectors.first().map_or(0, Vec::len);
    let mut unit = Vec::with_capacity(vectors.len());
    for vector in vectors {
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        if vector.len() != dimensions || dimensions == 0 {
            return Err("vectors of different lengths".to_owned());
        }
        if !length.is_finite() || length < 1e-6 {
            return Err("a vector without a direction".to_owned());
        }
        unit.push(vector.into_iter().map(|value| value / length).collect());
    }
    Ok(unit)
}
