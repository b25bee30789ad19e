/** What the live parts use of the files that Reflex and Vite make. */

declare module "$/utils/context" {
  import type { Context } from "react";
  export const ColorModeContext: Context<{
    rawColorMode: string;
    resolvedColorMode: string;
    toggleColorMode: () => void;
    setColorMode: (mode: string) => void;
  }>;
}

declare module "$/utils/state" {
  export function getBackendURL(address: string): string;
}

declare module "$/env.json" {
  const env: { EVENT: string };
  export default env;
}

interface ImportMeta {
  readonly env: { readonly DEV: boolean };
}
