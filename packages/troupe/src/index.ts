/**
 * All public names of the three packages, for an application that installs one. A list; no code
 * lives here, and no name of its own: what a package exports is here without being named again.
 */
export * from "@troupe/actor";
export * from "@troupe/cluster";
export * from "@troupe/replication";
