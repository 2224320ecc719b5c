// Text files that esbuild puts into the bundle as strings.
declare module '*.css' {
  export default text;
  const text: string;
}
declare module '*.client.js' {
  export default text;
  const text: string;
}
