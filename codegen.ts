import type { CodegenConfig } from '@graphql-codegen/cli';

/** Generates the SDK's typed documents from the printed schema and `sdk/operations/`. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: 'sdk/operations/*.graphql',
  generates: {
    'sdk/src/generated/operations.ts': {
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        documentMode: 'string',
        enumType: 'string-literal',
        useTypeImports: true,
        strictScalars: true,
        scalars: {
          ID: 'string',
          DateTime: 'string',
          URL: 'string',
          JSON: 'unknown',
          JSONObject: 'Record<string, unknown>',
          File: 'Blob',
        },
      },
    },
  },
};

export default config;
