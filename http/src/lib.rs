//! The API's face: the Api trait, JSON shapes, routes, keys, limits and problems; warp lives only here.
