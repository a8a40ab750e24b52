//! What an operator sees and does on the page, tried in a real browser.

// A window, and hands on it.
mod chromium;
// Many actors that nobody has to run.
mod crowd;

// However many there are, the page answers at once.
mod swift;
// A real cluster, looked after on the page alone.
mod whole;
