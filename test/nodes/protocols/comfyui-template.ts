/** As somebody might export it, with placeholders. */
export const template = {
  '10': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'flux.safetensors' } },
  '11': {
    class_type: 'CLIPTextEncode',
    inputs: { text: 'masterpiece, {{prompt}}, by {{model}}', clip: ['10', 1] },
    _meta: { title: 'Prompt' },
  },
  '12': {
    class_type: 'EmptyLatentImage',
    inputs: { width: '{{width|512}}', height: '{{ height | 256 }}', batch_size: 1 },
  },
  '13': {
    class_type: 'KSampler',
    inputs: { seed: '{{seed}}', steps: '{{steps|4}}', cfg: 1, model: ['10', 0], latent_image: ['12', 0] },
  },
  '14': { class_type: 'VAEDecode', inputs: { samples: ['13', 0], vae: ['10', 2] } },
  '15': { class_type: 'SaveImage', inputs: { images: ['14', 0], filename_prefix: 'mine' } },
};
