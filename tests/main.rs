//! One module per promise to a user.
