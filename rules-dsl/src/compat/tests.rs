//! What part A of the language's description says and the recorded cases do not show.
