//! Mistakes on purpose: the failure simulator chooses one of them and has to find it.
//!
//! Each place where one could be made asks [`here`]. Without the feature `plant` the answer is a constant `false`, and the
//! compiler leaves nothing of the question.

#[cfg(feature = "plant")]
use std::cell::Cell;

#[cfg(feature = "plant")]
thread_local! {
    static CHOSEN: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Whether the mistake `name` is to be made in this thread.
#[inline]
#[must_use]
pub fn here(name: &'static str) -> bool {
    #[cfg(feature = "plant")]
    let is_chosen = CHOSEN.get() == Some(name);
    #[cfg(not(feature = "plant"))]
    let is_chosen = {
        let _ = name;
        false
    };
    is_chosen
}

/// From now on the mistake `name` is made in this thread, or none.
#[cfg(feature = "plant")]
pub fn choose(name: Option<&'static str>) {
    CHOSEN.set(name);
}
