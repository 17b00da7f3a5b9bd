/** Of a file, by a random id: spread over 256 folders. The same in a folder and in a bucket, so that files can move. */
export const fileKey = (id: string): string => `${id.slice(0, 2)}/${id}`;
