//! stub
use candle_core::quantized::gguf_file::Content;
/// x
pub fn check_extent(_c: &Content, _size: u64) -> Result<(), String> { Ok(()) }
