use enabler_sim::plant::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let max: u64 = args[1].parse().unwrap();
    for p in PLANTS.iter().filter(|p| args.len() < 3 || args[2..].iter().any(|a| p.name == a)) {
        let t = std::time::Instant::now();
        let r = hunt(p, 0..max);
        match r {
            Hunt::Caught { seeds, promise, text } => {
                println!("{:5} {:4} {} {:.120} {:?}", seeds, promise, p.name, text, t.elapsed())
            }
            Hunt::Missed => println!("MISS  {} {:?}", p.name, t.elapsed()),
        }
    }
}
