/**
 * `via`: a key of a registry as the name of a process, for the option `name` of a start.
 *
 * The process has the key before its `init` runs and loses it before its failure is reported. The
 * key itself is kept by the registry.
 */
import { AlreadyStartedError, NoProcessError, OptionError, show } from "../errors.ts";
import { nameOption, objectOption } from "../option.ts";
import type { AnyRef, Inferred } from "../ref.ts";
import type { NameHost, ProcessName, Registrant } from "../system/process-name.ts";
import type { KeyRegistry } from "./key-registry.ts";
import { assertUnique, LocalRegistryRef } from "./local-registry-ref.ts";
import type { UniqueRegistryDefinition } from "./registry.ts";
import type { UniqueRegistryRef, ValueRest } from "./registry-ref.ts";

type AnyRegistry =
  | string
  | UniqueRegistryDefinition<Inferred, Inferred>
  | UniqueRegistryRef<Inferred, Inferred>;

/**
 * Names a process by a key of a registry with unique keys.
 *
 * The registry is given as its ref, as its definition, which must have a name, or by name; the
 * latter two are looked up when the process is started, so they hold in the children of a
 * supervisor. Throws `OptionError` for a registry with duplicate keys. The start then rejects with
 * `AlreadyStartedError` when the key is taken, `NoProcessError` when the registry does not run, and
 * `OptionError` when the name is not that of a registry with unique keys (none has run `init`).
 * Elixir: `{:via, Registry, {registry, key, value}}`.
 *
 * @example
 * ```ts
 * const Rooms = registry({ name: "rooms", keys: "unique" });
 * const App = supervisor({
 *   strategy: "rest_for_one",
 *   children: [child(Rooms), child(Room, undefined, { id: "lobby", name: via(Rooms, "lobby") })],
 * });
 * ```
 */
export function via<K, V>(
  registry: UniqueRegistryDefinition<K, V> | UniqueRegistryRef<K, V>,
  key: NoInfer<K>,
  ...value: ValueRest<NoInfer<V>>
): ProcessName;
export function via(registry: string, key: unknown, value?: unknown): ProcessName;
export function via(registry: AnyRegistry, key: unknown, value?: unknown): ProcessName {
  if (typeof registry === "string") nameOption("registry", registry);
  else {
    objectOption("registry", registry);
    const parts = LocalRegistryRef.partsOf(registry);
    if (parts !== undefined) assertUnique(parts.keys, "via");
    else if ("launchIn" in registry) checkDefinition(registry);
    else throw new OptionError("registry", "a registry, or the name of one", registry);
  }
  return new ViaName(registry, key, value);
}

function checkDefinition({ keys, name }: UniqueRegistryDefinition<Inferred, Inferred>): void {
  assertUnique({ isUnique: keys === "unique" }, "via");
  nameOption("name of the registry", name);
}

/** A key of a registry, to be given to a process when that is made. */
class ViaName implements ProcessName {
  readonly #registry: AnyRegistry;
  readonly #key: unknown;
  readonly #value: unknown;

  constructor(registry: AnyRegistry, key: unknown, value: unknown) {
    this.#registry = registry;
    this.#key = key;
    this.#value = value;
  }

  claim(system: NameHost, process: Registrant): void {
    const keys = this.#keysIn(system);
    keys.assertRuns();
    const taken = keys.first(this.#key);
    if (taken !== undefined) throw new AlreadyStartedError(this.toString(), taken.owner.ref);
    keys.register(process, this.#key, this.#value);
  }

  toString(): string {
    const key = typeof this.#key === "string" ? this.#key : show(this.#key);
    return `${key} in ${nameOf(this.#registry)}`;
  }

  #keysIn(system: NameHost): KeyRegistry<unknown, unknown> {
    const registry = this.#registry;
    if (typeof registry !== "string") {
      const ref = "launchIn" in registry ? registry.in(system) : registry;
      if (!system.isLocalRef(ref)) throw new OptionError("name", "a key of this system", ref);
      return uniqueKeys(ref, this.toString());
    }
    const ref = system.whereis(registry);
    if (ref === undefined) throw new NoProcessError(`registry "${registry}"`);
    return uniqueKeys(ref, this.toString());
  }
}

function nameOf(registry: AnyRegistry): string {
  if (typeof registry === "string") return registry;
  return "launchIn" in registry ? String(registry.name) : registry.toString();
}

function uniqueKeys(ref: AnyRef, name: string): KeyRegistry<unknown, unknown> {
  const keys = LocalRegistryRef.partsOf(ref)?.keys;
  if (keys?.isUnique === true) return keys;
  throw new OptionError("name", "a key of a registry with unique keys", name);
}
