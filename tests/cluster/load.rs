//! Clients at work: the simulator's.

pub(super) use enabler_sim_live::{GENTLE, Load};
