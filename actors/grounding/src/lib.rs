//! Pure: cuts pages into chunks, fuses rankings, and holds an answer to the text that was retrieved.
