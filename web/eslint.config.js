import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["dist/"] },
  js.configs.recommended,
  { rules: { "prefer-const": "error", "no-var": "error", eqeqeq: "error", "no-shadow": "error", "max-len": ["error", 130] } },
  { files: ["page/*.js"], languageOptions: { globals: { ...globals.browser, ...globals.serviceworker } } },
  { files: ["*.js", "tests/*.js"], languageOptions: { globals: globals.node } },
];
