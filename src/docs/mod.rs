//! How leakspy is built and what it does to a process, in prose.

pub mod architecture {
    #![doc = include_str!("architecture.md")]
}

pub mod audit {
    #![doc = include_str!("audit.md")]
}

pub mod formats {
    #![doc = include_str!("formats.md")]
}

pub mod identity {
    #![doc = include_str!("identity.md")]
}

pub mod safety {
    #![doc = include_str!("safety.md")]
}

pub mod verdict {
    #![doc = include_str!("verdict.md")]
}
