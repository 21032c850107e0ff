/** 128 random bits as 32 hexadecimal digits: a name that is never drawn twice (I47). */
export function randomHex(random: () => number): string {
  let digits = "";
  while (digits.length < 32) {
    const word = Math.floor(random() * 2 ** 32);
    digits += word.toString(16).padStart(8, "0");
  }
  return digits;
}
