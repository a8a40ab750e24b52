//! What each node of a cluster is told, as an operator writes it.

use enabler_link::certs;

use super::{BUCKET, Cluster, PREFIX, SHARDS, Seat};

impl Cluster {
    /// The settings of a node.
    pub(super) fn settings(&self, seat: &Seat) -> String {
        let files = certs::files(&self.certs(), &seat.door.name);
        let seeds: Vec<String> =
            self.seats.iter().map(|seat| format!("\"{}:{}\"", seat.host, seat.link_port)).collect();
        let roles: Vec<String> = seat.roles.split(',').map(|role| format!("\"{role}\"")).collect();
        let (store, redis) = self.ways;
        format!(
            // The clients of a trial come from one address, which is not this machine's where it has a network of its own.
            "[node]\nname = \"{}\"\nroles = [{}]\n[http]\nrate_per_address = 0\n\
             [cluster]\nlisten = \"{}:{}\"\nseeds = [{}]\nauthority = {:?}\ncertificate = {:?}\nkey = {:?}\n\
             [storage]\nurl = \"s3://{BUCKET}/{PREFIX}\"\nendpoint = \"http://{store}\"\npath_style = \"yes\"\n\
             access_key = \"test\"\nsecret_key = \"test\"\nshard_count = {SHARDS}\n\
             [cache]\nurl = \"redis://{redis}\"\n\
             [generation]\nanswer_tokens_max = 16\n",
            seat.door.name,
            roles.join(", "),
            seat.host,
            seat.link_port,
            seeds.join(", "),
            files.authority,
            files.certificate,
            files.key,
        )
    }
}
