import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const nowhere = [
  {
    selector: 'ExportDefaultDeclaration',
    message: 'Names travel with what is exported: no default exports.',
  },
  { selector: 'TSEnumDeclaration', message: 'Use a union of string literals.' },
];

/** A cancelled process is thrown where it waits (agent/core/process.ts). */
const notInProcesses = [
  {
    selector: ':function[generator=true] CatchClause',
    message: 'A catch would swallow a cancel: what can go wrong comes as a Result.',
  },
  {
    selector:
      'TryStatement > BlockStatement.finalizer YieldExpression:not([argument.callee.name="uninterrupted"])',
    message: 'A cancel would end the block at this wait: use uninterrupted().',
  },
];

export default tseslint.config(
  {
    ignores: ['dist/', 'wasm/pkg/', 'wasm/target/', '**/node_modules/', 'simulator/demo/training/'],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strict, tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': 'off',
      'no-restricted-syntax': ['error', ...nowhere],
    },
  },
  {
    files: ['agent/core/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...nowhere, ...notInProcesses] },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
);
