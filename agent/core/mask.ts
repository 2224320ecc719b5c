// Guests are people: what may stand in logs, traces and reports of their names and numbers. Pure.

/** "Ivanova" -> "I…", "Ann Marie" -> "A… M…"; empty stays empty. */
export const maskName = (name: string): string =>
  name.replaceAll(/(\S)\S*/gu, (_whole, first: string) => `${first}…`);

/** "0049891234567" -> "…67": enough to compare with a bill, not to call. Up to two characters: "…". */
export const maskNumber = (number: string): string =>
  number.length === 0 ? '' : number.length <= 4 ? '…' : `…${number.slice(-2)}`;
