import {
  byId,
  type Case,
  foundByOwner,
  nodeQuery,
  ownUser,
  type Stage,
  seenByOwner,
  signedIn,
  union,
} from './matrix.ts';

const ofTheOwner = ['UNAUTHENTICATED', 'FORBIDDEN', 'ok', 'ok', 'ok'] as const;

const create = `mutation ($input: CreateScheduleInput!) {
  createSchedule(input: $input) { __typename ... on Schedule { id } ... on Error { message } }
}`;

const newSchedule = ({ unique }: Stage) => ({
  input: {
    name: unique('schedule'),
    cron: '@daily',
    task: { task: { speechToText: { audio: { url: 'https://example.com/a' } } } },
  },
});

async function ownSchedule(stage: Stage): Promise<{ id: string }> {
  const { api, people } = stage;
  const { data } = await api.send(create, { as: people.owner, variables: newSchedule(stage) });
  return { id: String(data.createSchedule?.id) };
}

/** Who may do what with schedules, and with many tasks at once. */
export const scheduleCases: readonly Case[] = [
  {
    field: 'Query.node',
    what: 'own schedule',
    operation: nodeQuery,
    variables: ownSchedule,
    expected: seenByOwner,
  },
  { field: 'Query.schedules', operation: '{ schedules { id } }', expected: signedIn },
  {
    field: 'Query.schedules',
    what: "of the owner's",
    operation: `query ${byId} { schedules(userId: $id) { id } }`,
    variables: ownUser,
    expected: ofTheOwner,
  },
  { field: 'Mutation.createSchedule', operation: create, variables: newSchedule, expected: signedIn },
  {
    field: 'Mutation.pauseSchedule',
    operation: `mutation ${byId} { pauseSchedule(id: $id, paused: true) ${union} }`,
    variables: ownSchedule,
    expected: foundByOwner,
  },
  {
    field: 'Mutation.deleteSchedule',
    operation: `mutation ${byId} { deleteSchedule(id: $id) ${union} }`,
    variables: ownSchedule,
    expected: foundByOwner,
  },
  ...['retryTasks', 'cancelTasks'].flatMap((command): Case[] => [
    {
      field: `Mutation.${command}`,
      operation: `mutation { ${command}(where: { labels: { nobody: "has this" } }) ${union} }`,
      expected: signedIn,
    },
    {
      field: `Mutation.${command}`,
      what: "of the owner's",
      operation: `mutation ${byId} { ${command}(where: { userId: $id }, dryRun: true) ${union} }`,
      variables: ownUser,
      expected: ofTheOwner,
    },
  ]),
];
