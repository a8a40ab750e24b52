//! The failure simulator and its report.
