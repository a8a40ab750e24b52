//! The DKR language: text to checked program to verdict. No IO, no async, no clock.
