//! Prints the description of the API, which is committed as `http/src/pages/openapi.json`.

#![expect(clippy::print_stdout, reason = "printing it is what this is for")]

fn main() {
    print!("{}", enabler_http::openapi_text());
}
