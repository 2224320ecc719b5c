// What is never said, whoever typed it: support's secret key, pasted where its public half or a file was meant.

const SECRET_KEY = /AGE-SECRET-KEY-[0-9A-Z-]*/gi;

export const hasSecretKey = (text: string): boolean => text.search(SECRET_KEY) >= 0;

/** The text without the secret keys in it. */
export const masked = (text: string): string => text.replaceAll(SECRET_KEY, 'AGE-SECRET-KEY-…');
