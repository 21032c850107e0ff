/**
 * State machines as an application exports them: compiled with declarations by
 * `state-machine-types.test.ts`.
 */
import {
  child,
  createSystem,
  defineStateMachine,
  type RefOf,
  type ReplyTo,
} from "../../src/index.ts";

export const Door = defineStateMachine("door", {
  init: (arg: { code: string }) => ({
    state: "locked",
    data: { code: arg.code, waiting: [] as ReplyTo<string>[] },
  }),
  states: {
    locked: {
      enter: (data, previous) => [data.code, previous],
      calls: {
        unlock: (data, code: string, ctx) => {
          if (code !== data.code) return ctx.fail("wrong_code");
          ctx.next("open");
          return data.code.length;
        },
        walk: (_data, _name: string, ctx) => ctx.postpone(),
      },
    },
    open: {
      calls: { walk: (_data, name: string) => `${name} walks` },
      stateTimeout: (_data, _, ctx) => ctx.next("locked"),
    },
  },
  any: { queries: { state: (_data, _: void, ctx) => ctx.state } },
});

export type DoorRef = RefOf<typeof Door>;

export const system = createSystem();
export const starting = system.start(Door, { code: "1234" });
export const spec = child(Door, { code: "1234" }, { id: "door" });
