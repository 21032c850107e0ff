/**
 * What goes wrong, and when: each kind of fault comes at its own random moments, and links that
 * have just come up are hit while they are young.
 */
import type { SimHost } from "./host.ts";
import { Chance } from "./random.ts";
import type { World } from "./world.ts";

export class Faults {
  readonly #world: World;
  readonly #chance: Chance;
  /** The machines whose nodes belong to the cluster. */
  readonly #hosts: readonly SimHost[];
  readonly counts = { cuts: 0, severed: 0, pauses: 0, crashes: 0, stops: 0, jumps: 0, slow: 0 };
  #over = false;

  constructor(world: World, hosts: readonly SimHost[]) {
    this.#world = world;
    this.#chance = new Chance(world.options.seed, "faults");
    this.#hosts = hosts;
  }

  begin(): void {
    const { options } = this.#world;
    this.#every(options.cutEveryMs, () => this.#cut(...this.#twoHosts()));
    this.#every(options.severEveryMs, () => this.#sever());
    this.#every(options.pauseEveryMs, () => this.#pause(this.#anyHost()));
    this.#every(options.crashEveryMs, () => this.#crash(this.#anyHost()));
    this.#every(options.stopEveryMs, () => this.#stop(this.#anyHost()));
    this.#every(options.jumpEveryMs, () => this.#jump(this.#anyHost()));
    this.#every(options.slowEveryMs, () => this.#slow(this.#anyHost()));
  }

  /** Nothing goes wrong any more; what is wrong is mended by whoever calls this. */
  end(): void {
    this.#over = true;
  }

  /** Two machines have a new link between them: young things break in other ways than old ones. */
  hunt(a: number, b: number): void {
    if (this.#over || !this.#chance.hits(this.#world.options.hunted)) return;
    const strike = this.#chance.pick(["cut", "sever", "pause", "crash", "stop"]);
    const [x, y] = [this.#hosts[a], this.#hosts[b]];
    if (x === undefined || y === undefined) return;
    this.#world.events.after(this.#chance.exponential(this.#world.options.latencyMeanMs), () => {
      if (this.#over) return;
      if (strike === "cut") this.#cut(x, y);
      else if (strike === "pause") this.#pause(x);
      else if (strike === "crash") this.#crash(x);
      else if (strike === "stop") this.#stop(x);
      else this.#severBetween(x, y);
    });
  }

  #every(meanMs: number, strike: () => void): void {
    if (meanMs === 0) return;
    this.#world.events.after(this.#chance.exponential(meanMs), () => {
      if (this.#over) return;
      strike();
      this.#every(meanMs, strike);
    });
  }

  #anyHost(): SimHost {
    return this.#hosts[this.#chance.between(0, this.#hosts.length - 1)] as SimHost;
  }

  #twoHosts(): [SimHost, SimHost] {
    const first = this.#chance.between(0, this.#hosts.length - 1);
    const step = this.#chance.between(1, this.#hosts.length - 1);
    const second = (first + step) % this.#hosts.length;
    return [this.#hosts[first] as SimHost, this.#hosts[second] as SimHost];
  }

  /** Cuts one machine off from another, or from all others; both ways, or one. */
  #cut(x: SimHost, y: SimHost): void {
    const { network, weather, events, options, trace } = this.#world;
    const oneWay = this.#chance.hits(options.oneWay);
    const others = this.#chance.hits(0.25) ? this.#hosts.filter((host) => host !== x) : [y];
    const inward = this.#chance.hits(0.5);
    const a = x.options.host;
    const ways = others.flatMap(({ options: { host: b } }) => {
      const both: [number, number][] = inward
        ? [
            [b, a],
            [a, b],
          ]
        : [
            [a, b],
            [b, a],
          ];
      return oneWay ? both.slice(0, 1) : both;
    });
    trace(() => `cut ${ways.map((way) => way.join(">")).join()}`);
    this.counts.cuts += 1;
    for (const [from, to] of ways) {
      network.cut(from, to);
      weather.begin(from, to);
    }
    events.after(this.#chance.exponential(options.cutMeanMs), () => {
      trace(() => `mended ${ways.map((way) => way.join(">")).join()}`);
      for (const [from, to] of ways) {
        network.heal(from, to);
        weather.end(from, to);
      }
    });
  }

  #sever(): void {
    const [x, y] = this.#twoHosts();
    this.#severBetween(x, y);
  }

  #severBetween(x: SimHost, y: SimHost): void {
    const { network, weather, trace } = this.#world;
    const [a, b] = [x.options.host, y.options.host];
    for (const wire of [...network.wires]) {
      if (!wire.joins(a, b)) continue;
      trace(() => `severed ${wire.dialler.id} between h${a} and h${b}`);
      this.counts.severed += 1;
      weather.strike(a, b);
      network.sever(wire, this.#chance.hits(0.5));
    }
  }

  #pause(host: SimHost): void {
    const { options } = this.#world;
    if (!this.#chance.hits(options.stutters)) {
      this.#pauseFor(host, this.#chance.exponential(options.pauseMeanMs), 0);
    } else {
      const ms = options.heartbeatMs * (1.6 + this.#chance.next());
      this.#pauseFor(host, ms, this.#chance.between(1, 4));
    }
  }

  /** Pauses a process, and again as often when it has hardly begun to go on. */
  #pauseFor(host: SimHost, ms: number, again: number): void {
    const { weather, events, options } = this.#world;
    if (this.#over || !host.pause()) return;
    this.counts.pauses += 1;
    weather.beginPause(host.options.host);
    const process = host.life?.process;
    events.after(ms, () => {
      weather.endPause(host.options.host);
      if (host.life?.process !== process) return;
      host.resume();
      if (again === 0) return;
      const restMs = this.#chance.exponential(options.heartbeatMs / 4);
      events.after(restMs, () => this.#pauseFor(host, ms, again - 1));
    });
  }

  #crash(host: SimHost): void {
    const { weather, options } = this.#world;
    if (!host.isUp) return;
    this.counts.crashes += 1;
    weather.begin(host.options.host);
    host.crash(this.#chance.hits(options.powerCuts));
    this.#restart(host);
  }

  #stop(host: SimHost): void {
    if (host.life === undefined || host.life.process.stopping) return;
    this.counts.stops += 1;
    this.#world.weather.begin(host.options.host);
    void host.stop();
    this.#restart(host);
  }

  /** The next life begins after a while, if the last one is over by then. */
  #restart(host: SimHost): void {
    const { weather, events, options } = this.#world;
    events.after(this.#chance.exponential(options.downMeanMs), () => {
      if (this.#over) weather.end(host.options.host);
      else if (host.isUp) this.#restart(host);
      else {
        if (this.#chance.hits(options.setBack)) host.wallAheadMs -= this.#chance.between(1, 5000);
        weather.end(host.options.host);
        host.start();
      }
    });
  }

  #jump(host: SimHost): void {
    this.counts.jumps += 1;
    host.wallAheadMs += this.#chance.between(-10_000, 10_000);
  }

  #slow(host: SimHost): void {
    const { network, weather, events, options } = this.#world;
    this.counts.slow += 1;
    const { host: id } = host.options;
    weather.begin(id);
    network.setReading(id, this.#chance.pick([1, 20]));
    events.after(this.#chance.exponential(options.pauseMeanMs), () => {
      network.setReading(id, Number.POSITIVE_INFINITY);
      weather.end(id);
    });
  }
}
