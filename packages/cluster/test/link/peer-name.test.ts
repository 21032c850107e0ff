import { expect, test } from "vitest";
import { isNamedBy } from "../../src/link/peer-name.ts";

test.each([
  [["a"], "a"],
  [["other", "a"], "a"],
  [["troupe://shop/a"], "a"],
  [["troupe://shop/cart@10.0.0.3:7400"], "cart@10.0.0.3:7400"],
  [["troupe://shop/knoten_%C3%A4"], "knoten_ä"],
  [["troupe://shop/a%2Fb"], "a/b"],
])("a certificate for %j speaks for %s of the cluster shop", (names, node) => {
  expect(isNamedBy(names, "shop", node)).toBe(true);
});

test.each([
  [[], "a"],
  [["A"], "a"],
  [["*"], "a"],
  [["a.shop"], "a"],
  [["*.shop"], "a.shop"],
  [["troupe://blog/a"], "a"],
  [["troupe://shop/b"], "a"],
  [["troupe://shop/a/b"], "a/b"],
  [["troupe://shop"], "shop"],
  [["troupe://shop/%"], "%"],
  [["TROUPE://shop/a"], "a"],
  [["https://shop/a"], "a"],
  // A node may be called like a URI, but no certificate for another cluster makes it one.
  [["troupe://blog/a"], "troupe://blog/a"],
])("a certificate for %j does not speak for %j", (names, node) => {
  expect(isNamedBy(names, "shop", node)).toBe(false);
});
